"""One experiment as a Prefect flow, its tasks, and what people see of it.

Prefect servers keep `flows.experiment.experiment` as the entry point of a flow, so it stays where it was.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """The flow, imported when somebody asks for it. Raises AttributeError."""
    if name == "experiment":
        from flows.experiment.flow import experiment

        return experiment
    raise AttributeError(f"module 'flows.experiment' has no attribute '{name}'")
