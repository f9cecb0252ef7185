"""Boots guests and runs every fault in them, for every kind of machine and user; writes rows, and a table of them.

    python -m tests.machines.run CACHE [--short | --read] [--table FILE] [--accept] [KIND ...]

Exit code 1 when a row shows what no machine may show, or another mechanism or label than `expected.json`.
Rows stay in CACHE/rows/KIND.jsonl.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.machines.kinds import GUESTS, IMAGE, KINDS, SHORT, Kind
from tests.machines.table import differences, hows, written

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.json"
_PYTHON = ("env", "-C", "/opt/chaoslab", ".venv/bin/python", "-m")


def main() -> int:
    """Run what is asked for."""
    asked = argparse.ArgumentParser()
    asked.add_argument("cache", type=Path)
    asked.add_argument("--short", action="store_true")
    asked.add_argument("--read", action="store_true", help="run nothing: the rows that are there")
    asked.add_argument("--table", type=Path)
    asked.add_argument("--accept", action="store_true", help="these rows are the expected ones from now on")
    asked.add_argument("kinds", nargs="*")
    told = asked.parse_args()
    wanted = (
        dict(SHORT)
        if told.short
        else {kind.name: () for kind in KINDS if kind.name in (told.kinds or names())}
    )
    rows = told.cache / "rows"
    rows.mkdir(parents=True, exist_ok=True)
    for guest in dict.fromkeys(kind.guest for kind in KINDS if kind.name in wanted and not told.read):
        in_guest(
            told.cache, guest, [kind for kind in KINDS if kind.guest == guest and kind.name in wanted], wanted
        )
    found = {kind.name: list(read(rows / f"{kind.name}.jsonl")) for kind in KINDS}
    if told.table:
        told.table.write_text(written(told.table.read_text(), found))
    if told.accept:
        EXPECTED.write_text(json.dumps(hows(found), indent=1, sort_keys=True) + "\n")
    wrong = list(differences({name: found[name] for name in wanted}, json.loads(EXPECTED.read_text())))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def names() -> list[str]:
    return [kind.name for kind in KINDS]


def in_guest(cache: Path, guest: str, kinds: Sequence[Kind], wanted: dict[str, Sequence[str]]) -> None:
    """Boot it, run each kind in it, end it."""
    subprocess.run([HERE / "boot", cache, guest, *GUESTS[guest]], check=True)
    try:
        subprocess.run([HERE / "deploy", cache, guest], check=True)
        for kind in kinds:
            if kind.engine:
                prepare(cache, kind)
            carry_out(cache, kind, wanted[kind.name])
    finally:
        subprocess.run([HERE / "halt", cache, guest], check=False)


def prepare(cache: Path, kind: Kind) -> None:
    """Its engine runs, and has the image."""
    if kind.engine == "docker":
        inside(cache, kind, "root", "systemctl", "start", "docker")
    has = inside(cache, kind, kind.who, kind.engine, "image", "inspect", IMAGE)
    if has != 0:
        inside(cache, kind, kind.who, *_PYTHON, "tests.machines.engine_image", kind.engine, IMAGE)


def carry_out(cache: Path, kind: Kind, faults: Sequence[str]) -> None:
    """Every fault once, and the killings; its rows come back through the shared folder."""
    rows = f"/shared/{kind.name.replace(' ', '-')}.jsonl"
    inside(cache, kind, "root", "sh", "-c", f"> {rows}; chmod 666 {rows}")
    inside(cache, kind, kind.who, *_PYTHON, "tests.machines.inside", rows, kind.sandbox, *faults)
    inside(
        cache,
        kind,
        kind.who,
        *_PYTHON,
        "tests.machines.killing",
        rows,
        kind.sandbox,
        *(["keeper"] if faults else []),
    )
    text = (cache / "guests" / kind.guest / rows.lstrip("/")).read_text()
    (cache / "rows" / f"{kind.name}.jsonl").write_text(text)


def inside(cache: Path, kind: Kind, who: str, *command: str) -> int:
    env = []
    if kind.engine:
        env = ["-e", f"CHAOSLAB_CONTAINER_ENGINE={kind.engine}", "-e", f"CHAOSLAB_CONTAINER_IMAGE={IMAGE}"]
    guest = cache / "guests" / kind.guest
    return subprocess.run([HERE / "in", guest, who, "-t", "7200", *env, *command], check=False).returncode


def read(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from (json.loads(line) for line in path.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main())
