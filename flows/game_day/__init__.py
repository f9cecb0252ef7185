"""One game day as a Prefect flow: its experiments are flow runs below it.

Prefect servers keep `flows.game_day.game_day` as the entry point of a flow, so it stays where it was.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """The flow, imported when somebody asks for it. Raises AttributeError."""
    if name == "game_day":
        from flows.game_day.flow import game_day

        return game_day
    raise AttributeError(f"module 'flows.game_day' has no attribute '{name}'")
