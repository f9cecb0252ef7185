"""Boots guests and runs every fault in them, for every kind of machine and user; writes rows, and a table of them.

    python -m tests.machines.run CACHE [--read] [--table FILE] [--accept] [--faults A,B] [KIND ...]

Exit code 1 when a row shows what no machine may show, or another mechanism or label than `expected.json`.
Rows stay in CACHE/rows/KIND.jsonl.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.faults import FAULTS
from chaos.sandboxes.union import SPECS
from tests.machines.engine_image import importing, put
from tests.machines.hogging import HOLD
from tests.machines.inside import HOG
from tests.machines.killing import WHOM
from tests.machines.kinds import FIRST, GUESTS, IMAGE, KINDS, UNBUILT, Kind
from tests.machines.table import STILL, differences, hows, written

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
_ROW_WITHIN_S = 300.0
_NOT_UP_IN_TIME = 3
"""Of `boot`."""
_REPO = HERE.parents[1]


class NotBooted(Exception):
    """A guest that ended, or did not open its door in time."""

    def __init__(self, guest: str, *, slow: bool) -> None:
        super().__init__(f"{guest}: it did not boot{' in time' if slow else ''}")
        self.slow = slow


def main() -> int:
    """Run what is asked for."""
    asked = argparse.ArgumentParser()
    asked.add_argument("cache", type=Path)
    asked.add_argument("--read", action="store_true", help="run nothing: the rows that are there")
    asked.add_argument("--table", type=Path)
    asked.add_argument("--accept", action="store_true", help="these rows are the expected ones from now on")
    asked.add_argument(
        "--faults", type=lambda text: text.split(","), default=[], help="such as hog,disk_full,kill agent"
    )
    asked.add_argument(
        "kinds", nargs="*", help="of tests/machines/kinds.py, such as 'v2 root'; all when none is named"
    )
    told = asked.parse_intermixed_args()
    rows = told.cache / "rows"
    rows.mkdir(parents=True, exist_ok=True)
    wanted: dict[str, Sequence[str]] = {name: told.faults for name in told.kinds or names()}
    remains: list[str] = []
    for guest in dict.fromkeys(kind.guest for kind in KINDS if kind.name in wanted and not told.read):
        kinds = [kind for kind in KINDS if kind.guest == guest and kind.name in wanted]
        try:
            remains += in_guest(told.cache, guest, kinds, wanted)
        except NotBooted as error:
            remains.append(str(error))
    found = {kind.name: list(read(rows / f"{kind.name}.jsonl")) for kind in (*KINDS, *UNBUILT)}
    if told.table:
        shown = {kind.name: [*found[kind.name], *refused(kind, found[kind.name])] for kind in KINDS}
        told.table.write_text(written(told.table.read_text(), shown))
    if told.accept:
        accepted = expected()
        for name, mechanisms in hows(found).items():
            accepted[name] = accepted.get(name, {}) | mechanisms
        EXPECTED.write_text(json.dumps(accepted, indent=1, sort_keys=True) + "\n")
    return said([*remains, *differences({name: found[name] for name in wanted}, expected())])


def said(wrong: Sequence[str]) -> int:
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def expected() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads(EXPECTED.read_text())
    return found


def names() -> list[str]:
    return [kind.name for kind in KINDS]


def refused(kind: Kind, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of the faults that `plan` refuses in such a sandbox, so that no guest need be asked."""
    ran = {row["fault"] for row in rows}
    for fault in FAULTS:
        lacking = sorted(FAULTS[fault].requires - SPECS[kind.sandbox].provides)
        if lacking and fault not in ran:
            yield {
                "fault": fault,
                "refused": f"a {kind.sandbox} sandbox lacks {', '.join(lacking)}",
                "left": [],
            }
    if kind.sandbox != "local":
        yield {"fault": "kill keeper", "refused": "a container has none: its PID 1 is ours", "left": []}


def in_guest(
    cache: Path,
    guest: str,
    kinds: Sequence[Kind],
    wanted: Mapping[str, Sequence[str]],
    until: float = math.inf,
) -> list[str]:
    """Boot it, run each kind in it, end it, at `until` at the latest; what was left there in the end.

    Raises NotBooted.
    """
    try:
        boot(cache, guest)
        for kind in kinds:
            if kind.engine:
                prepare(cache, kind)
            faults = list(wanted[kind.name]) or every(kind)
            carry_out(cache, kind, faults, until)
        if time.monotonic() > until:
            return []
        if inside(cache, kinds[0], "root", *python(kinds[0]), "tests.machines.leftovers", within_s=60) != 0:
            return [f"{guest}: left behind in the end, see above"]
        return []
    finally:
        subprocess.run([HERE / "halt", cache, guest], check=False)


def boot(cache: Path, guest: str) -> None:
    """Start it, with this checkout in it. Raises NotBooted."""
    try:
        subprocess.run([HERE / "boot", cache, guest, *GUESTS[guest]], check=True)
        if GUESTS[guest] != ("here",):
            subprocess.run([HERE / "deploy", cache, guest], check=True)
    except subprocess.CalledProcessError as error:
        raise NotBooted(guest, slow=error.returncode == _NOT_UP_IN_TIME) from error


def python(kind: Kind) -> tuple[str, ...]:
    """The command there that runs a module of this checkout."""
    return ("env", "-C", str(_REPO) if kind in UNBUILT else "/opt/chaoslab", ".venv/bin/python", "-m")


def prepare(cache: Path, kind: Kind) -> None:
    """Its engine runs, and has the image."""
    if kind.engine == "docker":
        inside(cache, kind, "root", "systemctl", "start", "docker")
    has = inside(cache, kind, kind.who, kind.engine, "image", "inspect", IMAGE)
    if has != 0:
        put(cache, cache / "guests" / kind.guest)
        inside(cache, kind, kind.who, *importing(kind.engine, IMAGE))


def every(kind: Kind) -> list[str]:
    """All that can be run in such a sandbox; what differs from kind to kind comes first."""
    can = [name for name in FAULTS if not FAULTS[name].requires - SPECS[kind.sandbox].provides]
    first = [name for name in FIRST if name.partition(":")[0] in (HOG, *can)]
    return [*first, *killings(kind), *(name for name in can if name not in first)]


def killings(kind: Kind) -> list[str]:
    """Whom to kill: the keeper is a local sandbox's."""
    return [f"kill {whom}" for whom in WHOM if whom != "keeper" or kind.sandbox == "local"]


def carry_out(cache: Path, kind: Kind, faults: Sequence[str], until: float) -> None:
    """Every fault once, as far as the time goes; its rows come back through the shared folder.

    A guest may stand still for good (User Mode Linux under load does): then it is booted anew, and that fault says so.
    """
    while (faults := once(cache, kind, faults, until)) and time.monotonic() < until:
        kept = cache / "rows" / f"{kind.name}.jsonl"
        kept.write_text(kept.read_text() + json.dumps(stood_still(kind, faults[0])) + "\n")
        subprocess.run([HERE / "halt", cache, kind.guest], check=False)
        boot(cache, kind.guest)
        if kind.engine:
            prepare(cache, kind)
        faults = faults[1:]


def once(cache: Path, kind: Kind, faults: Sequence[str], until: float) -> Sequence[str]:
    """One go at these; those that it did not get to, beginning with the one that it stood still at."""
    kept = cache / "rows" / f"{kind.name}.jsonl"
    others = [row for row in read(kept) if row["fault"] not in faults]
    kept.write_text("".join(json.dumps(row) + "\n" for row in others))
    if not faults:
        return ()
    shared = f"/shared/{kind.name.replace(' ', '-')}.jsonl"
    inside(cache, kind, "root", "sh", "-c", f"> {shared}; chmod 666 {shared}", within_s=60)
    file = cache / "guests" / kind.guest / shared.lstrip("/")
    call = inside_in_background(
        cache, kind, kind.who, *python(kind), "tests.machines.inside", shared, kind.sandbox, *faults
    )
    progressed, seen = time.monotonic(), 0
    while call.poll() is None and time.monotonic() < min(progressed + _ROW_WITHIN_S, until):
        time.sleep(1)
        if (now := keep(file, kept, seen)) > seen:
            progressed, seen = time.monotonic(), now
    if call.poll() is None:
        call.kill()
        call.wait()
    return faults[keep(file, kept, seen) :]


def keep(file: Path, kept: Path, seen: int) -> int:
    """Rows as they come: what is kept of a run that is cut off in the middle. How many there are now."""
    rows = [line for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
    with kept.open("a") as beside:
        beside.writelines(rows[seen:])
    return len(rows)


def stood_still(kind: Kind, fault: str) -> dict[str, Any]:
    """The row of a fault in whose run the guest no longer answered."""
    return {"fault": fault, "sandbox": kind.sandbox, "refused": STILL, "left": []}


def inside(cache: Path, kind: Kind, who: str, *command: str, within_s: float = 1200) -> int:
    """Exit code of a command there."""
    return inside_in_background(cache, kind, who, *command, within_s=within_s).wait()


def inside_in_background(
    cache: Path, kind: Kind, who: str, *command: str, within_s: float = 14_400
) -> "subprocess.Popen[bytes]":
    env = [] if kind in UNBUILT else ["-e", f"{HOLD}=40s"]
    if kind.engine:
        env += ["-e", f"CHAOSLAB_CONTAINER_ENGINE={kind.engine}", "-e", f"CHAOSLAB_CONTAINER_IMAGE={IMAGE}"]
    guest = cache / "guests" / kind.guest
    return subprocess.Popen([HERE / "in", guest, who, "-t", str(within_s), *env, *command])


def read(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from (json.loads(line) for line in path.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main())
