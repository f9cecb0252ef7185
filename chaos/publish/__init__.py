"""Everything that leaves a run: reports, dashboards, metrics, notifications."""
