"""Labels of flow runs: what others find a run by, and who asked for it. They survive to the end of a flow run."""

RUN = "chaoslab.run"
"""The id of the run that it became."""
FOLDER = "chaoslab.folder"
"""Where the run's folder is, on the machine that carries it out."""
BY = "chaoslab.by"
"""Who asked for it; nobody is named by a push or a schedule."""
