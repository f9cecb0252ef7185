"""A helper that leaves each process of the app only so many descriptors more than it had in its quietest moment."""

import resource
from pathlib import Path
from typing import Any

from chaos.faults.process.restraint import Book, Restrained, restrain

Peaks = dict[int, set[int]]
"""Process -> what it had open when it had most, of all moments since the last look."""


def exhaust(roots: list[int], leave: int) -> None:
    """Helper: until the channel ends or says `end`; then every limit is what it was."""
    peaks: Peaks = {}
    restrain(
        resource.RLIMIT_NOFILE,
        roots,
        lambda book: _all(book, roots, leave, peaks),
        lambda book: _glance(book, peaks),
    )


exhaust.outlives_agent = True  # type: ignore[attr-defined]


def _glance(book: Book, peaks: Peaks) -> None:
    for pid in book.entries:
        if len(numbers := _numbers(pid) or ()) > len(peaks.get(pid, ())):
            peaks[pid] = set(numbers)


def _all(book: Book, roots: list[int], leave: int, peaks: Peaks) -> dict[str, Any] | None:
    """Tighten everybody; of who has the most left, what is left; of who has the least, at his fullest moment."""
    was = dict(peaks)
    peaks.clear()
    fullest = min(
        (_of(book, entry, was[pid]) for pid, entry in book.entries.items() if pid in was),
        key=lambda sample: int(sample["free"]),
        default=None,
    )
    for entry in book.entries_of(roots):
        _tighten(book, entry, leave)
    seen = [sample for entry in book.entries_of(roots) if (sample := _look(book, entry)) is not None]
    if not seen:
        return None
    loosest = max(seen, key=lambda sample: int(sample["left_fds"]))
    fullest = min([*seen, *([fullest] if fullest else [])], key=lambda sample: int(sample["free"]))
    return {
        **loosest,
        "processes": len(seen),
        "met": sum(sample["free"] == 0 for sample in seen),
        "fullest_left": fullest["left_fds"],
        "fullest_free": fullest["free"],
    }


def _tighten(book: Book, entry: Restrained, leave: int) -> None:
    """Have as many unused numbers below the limit as it may still take: the limit is on numbers, not on a count."""
    numbers = _numbers(entry.process.pid)
    if numbers is None:
        return
    entry.least = min(entry.least, len(numbers))
    free, limit = max(0, entry.least + leave - len(numbers)), 0
    while free or limit in numbers:
        free -= limit not in numbers
        limit += 1
    book.impose(entry, limit)


def _look(book: Book, entry: Restrained) -> dict[str, Any] | None:
    """What was left to it: unused numbers now, and what it took of those left to it."""
    numbers = _numbers(entry.process.pid)
    return None if numbers is None else _of(book, entry, numbers)


def _of(book: Book, entry: Restrained, numbers: set[int]) -> dict[str, Any]:
    limit = book.in_force(entry)
    free = sum(number not in numbers for number in range(min(limit, 2**20)))
    left = free + max(0, len(numbers) - entry.least)
    return {"pid": entry.process.pid, "left_fds": left, "open": len(numbers), "free": free, "limit": limit}


def _numbers(pid: int) -> set[int] | None:
    """The descriptors that are open; None when it has gone."""
    try:
        return {int(path.name) for path in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return None
