"""Memory at 80 % of a sandbox: `memory_pressure` of ours beside stress-ng --vm, what was asked and what was there.

    python -m bench.memory [ROUNDS]

The app holds 40 MiB and takes 40 MiB more in the middle of the hold, as apps do. Both are seen by the same eyes: the
control group's account of the sandbox, ten times a second. stress-ng is told bytes: those asked less what the app
was seen to hold, as a careful user would. One worker with --vm-keep: without, its level swings to nothing and back.
"""

import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import ours

LIMIT_MIB, ASKED_PERCENT = 512, 80.0
HOLD_S = 6.0
NEAR_POINTS = 2.0
EDGE_S = 0.3
"""Before the end that is seen: the level is looked at ten times a second and then some is given back already."""
APP = """
import time
held = bytearray(b"x") * (40 << 20)
time.sleep(5.5)
more = bytearray(b"x") * (40 << 20)
time.sleep(600)
"""


@dataclass(frozen=True)
class Seen:
    """Levels are percent of the limit."""

    before_percent: float
    off_points: float
    """Mean distance of the level from what was asked, from a second and a half after the rise to the end."""
    worst_points: float
    reached_s: float | None
    """From the first rise to the first level that is near; None when it never was."""
    left_points: float
    """A second after the end, less what there was before."""


def spec(processes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A manifest with these processes beside the app."""
    return ours.document(
        "memory",
        sandbox={"type": "local", "memory": f"{LIMIT_MIB}MiB", "disk": "16MiB", "ttl": "2m"},
        target={
            "app": "app",
            "processes": [{"name": "app", "command": ["python3", "-S", "app.py"]}, *processes],
        },
        steadyState=[
            {
                "name": "alive",
                "probe": {"type": "process", "process": "app"},
                "tolerance": {"running": True},
            }
        ],
        method=[
            {
                "name": "pressure",
                "fault": {"type": "memory_pressure", "fill": f"{ASKED_PERCENT:g}%", "over": "1s"},
                "hold": f"{HOLD_S:g}s",
            }
        ],
        phases={"baseline": "2s", "recovery": "3s"},
    )


def pressed(folder: Path) -> Seen:
    """Ours."""
    return seen(ours.run(spec([]), ours.app(folder, app=APP)))


def stressed(folder: Path, before_percent: float) -> Seen:
    """Theirs, in the same sandbox, beside the same app, from the moment at which ours begins."""
    size = f"{LIMIT_MIB * (ASKED_PERCENT - before_percent) / 100:.0f}M"
    stress = f"stress-ng --vm 1 --vm-bytes {size} --vm-keep --vm-hang 0 -t {HOLD_S:g}s -q"
    command = ["sh", "-c", f"sleep 2; {stress}"]
    manifest = spec([{"name": "stress", "command": command, "restart": "never"}])
    return seen(ours.run(manifest, ours.app(folder, app=APP), withheld=True))


def seen(ran: ours.Ran) -> Seen:
    """The levels of a run: what was before, the rise, the plateau, and what was after it."""
    samples = [
        (event.at, float(event.data["memory_percent"]))
        for event in ran.events
        if event.type == "usage.sampled"
    ]
    begin = ran.at("phase.started", phase="baseline")
    before = statistics.median(level for at, level in samples if begin + 0.5 < at < begin + 1.5)
    rise = next(at for at, level in samples if at > begin + 1.5 and level > before + 5)
    high = [at for at, level in samples if level > ASKED_PERCENT / 2]
    end = high[-1]
    off = [abs(level - ASKED_PERCENT) for at, level in samples if rise + 1.5 <= at <= end - EDGE_S]
    near = [at for at, level in samples if at >= rise and abs(level - ASKED_PERCENT) <= NEAR_POINTS]
    after = next(level for at, level in samples if at > end + 1)
    # What the app took meanwhile is the app's.
    grown = 100 * 40 / LIMIT_MIB
    return Seen(
        before, statistics.fmean(off), max(off), near[0] - rise if near else None, after - before - grown
    )


def line(name: str, rounds: Sequence[Seen]) -> str:
    """Medians of the rounds."""
    reached = [each.reached_s for each in rounds if each.reached_s is not None]
    when = f"{statistics.median(reached):.1f} s" if len(reached) == len(rounds) else "never"
    return (
        f"{name:16} {statistics.median(each.off_points for each in rounds):10.2f} "
        f"{statistics.median(each.worst_points for each in rounds):10.2f} {when:>10} "
        f"{statistics.median(each.left_points for each in rounds):10.2f}"
    )


def main() -> None:
    """Print a table and the ratios."""
    if shutil.which("stress-ng") is None:
        sys.exit("no stress-ng on PATH; `scripts/packages stress-ng` installs it")
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[str, list[Seen]] = {"memory_pressure": [], "stress-ng --vm": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            found["memory_pressure"].append(pressed(Path(folder)))
            before = found["memory_pressure"][-1].before_percent
            found["stress-ng --vm"].append(stressed(Path(folder), before))
    print(f"{ASKED_PERCENT:g} % of {LIMIT_MIB} MiB asked; points of the limit, medians of {rounds}")
    print(f"{'':16} {'off by':>10} {'at worst':>10} {'near after':>10} {'left':>10}")
    for name, each in found.items():
        print(line(name, each))
    mine, theirs = found.values()
    for what in ("off_points", "worst_points"):
        name = {"off_points": "the error of our memory level", "worst_points": "our worst error"}[what]
        mean = [statistics.median(getattr(each, what) for each in side) for side in (mine, theirs)]
        print(ours.ratio(f"{name}, to stress-ng's,", *mean, unit="points"))
    print(ours.machine())


if __name__ == "__main__":
    main()
