"""The short form: guests that have this machine's own files, at once, within a bounded time; for CI.

    python -m tests.machines.short CACHE

What a guest was too slow for is tried once more, and then said to be missing. Exit code 1 when a guest does not boot
(what it needs was had), when one shows what no machine may show, and when nothing was shown at all.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.machines.inside import HOG
from tests.machines.kinds import REFUSES, SHORT, UNBUILT, Kind
from tests.machines.run import NotBooted, expected, in_guest, read, said
from tests.machines.table import STILL, Row, differences, unseen

WITHIN_S = 300.0
"""For all guests together, boots and second tries included; three minutes are the rule."""


def main(cache: Path) -> int:
    """Run them, say what was shown."""
    began = time.monotonic()
    (cache / "rows").mkdir(parents=True, exist_ok=True)
    for kind in UNBUILT:
        rows_of(cache, kind.name).unlink(missing_ok=True)  # another run's rows show nothing of this checkout
    wanted: Mapping[str, Sequence[str]] = SHORT
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in SHORT}
    ended: set[str] = set()
    wrong: list[str] = []
    for _ in range(2):
        guests = guests_for(wanted)
        with ThreadPoolExecutor(len(guests)) as at_once:
            tries = {
                guest: at_once.submit(in_guest, cache, guest, kinds, wanted, began + WITHIN_S)
                for guest, kinds in guests.items()
            }
        for guest, tried in tries.items():
            try:
                wrong += tried.result()
                ended.discard(guest)
            except NotBooted as error:
                print(error, file=sys.stderr)
                if not error.slow:
                    ended.add(guest)
        for name, faults in wanted.items():
            rows = [row for row in read(rows_of(cache, name)) if row["fault"] in faults]
            found[name] = [row for row in found[name] if row["fault"] not in faults] + rows
        wanted = {name: list(unseen(SHORT[name], found[name], REFUSES)) for name in SHORT}
        if not any(wanted.values()) or time.monotonic() > began + WITHIN_S:
            break
    for name, rows in found.items():
        print(f"{name}: {len(SHORT[name]) - len(wanted[name])} of {len(SHORT[name])} shown, {len(rows)} ran")
    print(f"machines: {time.monotonic() - began:.0f} s")
    for line in missing(wanted, found):
        print(line, file=sys.stderr)
    return said([*wrong, *failures(wanted, found, ended)])


def rows_of(cache: Path, name: str) -> Path:
    return cache / "rows" / f"{name}.jsonl"


def guests_for(wanted: Mapping[str, Sequence[str]]) -> dict[str, list[Kind]]:
    """Guest -> its kinds, of those of which something is wanted."""
    guests: dict[str, list[Kind]] = {}
    for kind in UNBUILT:
        if wanted[kind.name]:
            guests.setdefault(kind.guest, []).append(kind)
    return guests


def ran(rows: Sequence[Row]) -> dict[str, Row]:
    """Fault -> row, of those whose run came to its end."""
    return {str(row["fault"]): row for row in rows if row.get("refused") != STILL}


def missing(lacking: Mapping[str, Sequence[str]], found: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """What nobody could look at, as sentences: slowness is no fault of what is tested."""
    for name, faults in lacking.items():
        for fault in faults:
            row = ran(found[name]).get(fault)
            if row is None:
                yield f"{name}, {fault}: the guest stood still or was too slow; nothing was shown"
            elif too_slow(row):
                yield f"{name}, {fault}: the guest was too slow: {why(row)}"
            elif fault == HOG:  # one that had its memory and lived is a difference
                yield f"{name}, {fault}: not ended; did it get its memory in time?"


def failures(
    lacking: Mapping[str, Sequence[str]],
    found: Mapping[str, Sequence[Row]],
    ended: Set[str],
) -> Iterator[str]:
    """What must not be, as sentences: no boot, nothing shown at all, what ran and did not show it, and differences."""
    yield from (f"{guest}: it ended before it was up" for guest in sorted(ended))
    if not any(ran(rows) for rows in found.values()):
        yield "no guest showed anything"
    for name, faults in lacking.items():
        for fault in faults:
            row = ran(found[name]).get(fault)
            if fault != HOG and row is not None and not too_slow(row):
                yield f"{name}, {fault}: not seen: {why(row)}"
    rows = {name: list(ran(rows).values()) for name, rows in found.items()}
    yield from differences({name: rows for name, rows in rows.items() if rows}, expected())


def too_slow(row: Row) -> bool:
    """Whether what was to happen had not happened in time, so that nobody knows whether it would have."""
    return any(words in why(row) for words in (" within ", "too busy", ": timeout"))


def why(row: Row) -> str:
    return str(row.get("refused") or row.get("step_why") or row.get("why") or "no reason was given")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
