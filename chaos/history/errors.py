"""Errors of the history, in one sentence each."""

from typing import ClassVar

from chaos.errors import ChaosLabError


class HistoryError(ChaosLabError):
    """The store cannot be used: away, full, of a newer version, or not ours. Never repeats an address's password."""


class BadQuestion(HistoryError):
    """Nobody can be asked that: a limit, a state or a text that is none; the message begins with which."""

    exit_code: ClassVar[int] = 2


class BadCursor(BadQuestion):
    """It is no cursor of this list with these filters."""


class RunNotIndexed(HistoryError):
    """A folder that is not a run's, or not whole; the message says which and why."""


class Gone(HistoryError):
    """What is asked for was pruned: it is not kept for so long."""


class Unknown(HistoryError):
    """There is no such run, day or token."""

    exit_code: ClassVar[int] = 2
