"""What an invariant saw of an app's data; read by the plan as well, which needs no more of a result."""

from chaos.analysis.part import ResultPart


class DataSeen(ResultPart):
    """What an invariant of data saw."""

    first: float
    """The first number, and the last."""
    last: float
    acknowledged: int | None
    """Writes that were acknowledged in the whole run; None when the invariant does not count them."""
    lost: float
    """The most that was missing at one look; 0: nothing was."""
    surplus: float
    """The most that was too much."""
    why: str
    """Which look that was; empty when none was off."""
