"""Lower a soft resource limit of live processes (prlimit(2)), remember what it was, and put it back, heirs included."""

import contextlib
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chaos.errors import FaultError
from chaos.faults.process.following import ENDED
from chaos.faults.process.tree import LiveProcess, age_s, alive, family
from chaos.faults.support.channel import receive, send

_LOOK_EVERY_S = 0.05
_GLANCE_EVERY_S = 0.005
_SETTLES_S = 1.0
"""A process that is started meanwhile gets so long to come up before it is restrained, too."""


@dataclass(slots=True)
class Restrained:
    """One process, the limit that it had, the lowest use seen of it, and the soft limit it was given."""

    process: LiveProcess
    soft: int
    hard: int
    least: int
    imposed: int


class Book:
    """Who was restrained. Hard limits stay as they are, so that whoever may look at them may also put them back."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self.entries: dict[int, Restrained] = {}
        self._first = True

    def entries_of(self, roots: Iterable[int]) -> list[Restrained]:
        """Those to restrain now: all of the first time, later also who has lived for a second, and heirs at once."""
        found = []
        for process in family(roots):
            entry = self.entries.get(process.pid)
            if entry is None or entry.process.born != process.born:
                entry = self._enter(process)
            if entry is not None:
                found.append(entry)
        self._first = False
        return found

    def _enter(self, process: LiveProcess) -> Restrained | None:
        parent = self.entries.get(process.parent)
        try:
            soft, hard = resource.prlimit(process.pid, self._kind)
        except OSError:
            return None  # it has gone
        if parent is not None and soft == parent.imposed:
            soft = parent.soft  # an heir: forked with the lowered limit
        elif not self._first and age_s(process) < _SETTLES_S:
            return None
        self.entries[process.pid] = Restrained(process, soft, hard, least=2**31, imposed=soft)
        return self.entries[process.pid]

    def impose(self, entry: Restrained, soft: int) -> None:
        """Lower its soft limit, never above what it had. Raises FaultError."""
        lowered = min(soft, entry.soft) if entry.soft != resource.RLIM_INFINITY else soft
        entry.imposed = lowered
        self._set(entry, lowered)

    def in_force(self, entry: Restrained) -> int:
        """The soft limit as the kernel says it."""
        try:
            return resource.prlimit(entry.process.pid, self._kind)[0]
        except OSError:
            return entry.imposed  # it has gone

    def put_back(self, roots: Iterable[int]) -> int:
        """Give everybody his limit back, heirs that nobody has seen yet included; how many. Raises FaultError."""
        self.entries_of([*roots, *self.entries])
        left = [entry for entry in self.entries.values() if alive(entry.process.pid, entry.process.born)]
        for entry in left:
            self._set(entry, entry.soft)
        wrong = [
            e.process.pid for e in left if alive(e.process.pid, e.process.born) and self.in_force(e) != e.soft
        ]
        if wrong:
            raise FaultError(f"limits were not put back on {wrong}")
        return len(left)

    def _set(self, entry: Restrained, soft: int) -> None:
        try:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(entry.process.pid, self._kind, (soft, entry.hard))
        except OSError as error:
            raise FaultError(f"prlimit on pid {entry.process.pid}: {error.strerror}") from error


def restrain(
    kind: int,
    roots: list[int],
    tighten: Callable[[Book], dict[str, Any] | None],
    glance: Callable[[Book], None] | None = None,
) -> None:
    """What a helper does: tighten and tell, until the channel ends or says `end`; then every limit is what it was.

    `roots` changes when the agent says so; `tighten` answers by a sample, or by None when nobody is there. `glance` is
    called between two samples, some two hundred times a second: what is taken for a moment only is seen by it.
    """
    book = Book(kind)
    try:
        with contextlib.suppress(EOFError, BrokenPipeError):
            message: dict[str, Any] = {}
            while "end" not in message:
                roots[:] = message.get("roots", roots)
                if (sample := tighten(book)) is not None:
                    send(sample)
                message = _until_the_next(book, glance)
    finally:
        began = time.monotonic()
        count = book.put_back(roots)
        took_ms = round((time.monotonic() - began) * 1000, 3)
        with contextlib.suppress(BrokenPipeError):
            send({"put_back": count, "put_back_ms": took_ms, ENDED: True})


def _until_the_next(book: Book, glance: Callable[[Book], None] | None) -> dict[str, Any]:
    """What the agent says before the next look is due; nothing when it says nothing."""
    if glance is None:
        return receive(_LOOK_EVERY_S) or {}
    until = time.monotonic() + _LOOK_EVERY_S
    while time.monotonic() < until:
        if message := receive(_GLANCE_EVERY_S):
            return message
        glance(book)
    return {}
