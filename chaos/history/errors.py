"""What the history cannot do, in one sentence each."""

from typing import ClassVar

from chaos.errors import ChaosLabError


class HistoryError(ChaosLabError):
    """The store cannot be used: away, full, of a newer version, or not ours. Never repeats an address's password."""


class BadCursor(HistoryError):
    """It is no cursor of this list with these filters."""

    exit_code: ClassVar[int] = 2


class NotTaken(HistoryError):
    """A folder that is not a run's, or not whole; the message says which and why."""


class Gone(HistoryError):
    """What is asked for was pruned: it is not kept for so long."""


class Unknown(HistoryError):
    """There is no such run, day or token."""

    exit_code: ClassVar[int] = 2
