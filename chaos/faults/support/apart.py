"""Counts of what happened, with what a command of a probe may have done told apart.

Such a command is a process like any other of the sandbox: the kernel does not say whose write or packet it was. So what
was counted between two looks is the app's when no command ran from one to the other, and else nobody's in particular.
"""

from collections import Counter
from collections.abc import Callable, Mapping

Counts = Mapping[str, int]
COMMANDS = ", but for what happened while commands of probes ran, which may be theirs"


class Apart:
    """Splits totals that only grow; `looks` says how many commands have begun, and how many are under way."""

    def __init__(self, looks: Callable[[], tuple[int, int]]) -> None:
        self._looks = looks
        self._since = looks()
        self._before: Counter[str] = Counter()
        self._unsure: Counter[str] = Counter()

    def split(self, read: Callable[[], Counts]) -> tuple[Counts, Counts]:
        """The totals that `read` gives now: of these, what is surely not a command's, and the rest."""
        since = self._looks()  # before the totals are read, as what happens from then on is of the next look
        totals = Counter(read())
        begun, _ = self._looks()
        if self._since != (begun, 0):
            self._unsure += totals - self._before
        self._since, self._before = since, totals
        return {name: total - self._unsure[name] for name, total in totals.items()}, self._unsure
