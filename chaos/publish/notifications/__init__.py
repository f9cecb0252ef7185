"""Tell people what happened: a notice, the bodies it is sent as, and a sending that never matters to a run."""
