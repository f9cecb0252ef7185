"""docs/truth.md: real stacks under real faults, the verdict beside what a client of its own saw there.

Usage: python -m bench.truth [--runs N] [--at-once N] [--only WORD]. Ends with 1 when a verdict was false.

False green: `held` although the client saw more than the budget fail, or although nothing met the fault. False red:
`deviated` although the client saw it hold. A run that decides nothing (`inconclusive`) is counted, and is no lie; a
client that saw too little contradicts nothing: its truth is `unclear`.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench import ours
from bench.stacks import FOLDER, STACKS, WITNESS
from bench.stacks.cells import BUDGET, RECOVERS_WITHIN_S, UNMET, Cell, cells
from chaos.events import Event
from chaos.statistics import binomial

ROOT = Path(__file__).parents[1]


class Seen(NamedTuple):
    """What the witness counted in the time that the cell is about."""

    of: int
    bad: int

    def verdict(self) -> str:
        """What its counts mean; `unclear` where the bound lies inside of their exact interval (Clopper and Pearson)."""
        if binomial.lowest(self.bad, self.of) > BUDGET:
            return "deviated"
        return "held" if binomial.highest(self.bad, self.of) < BUDGET else "unclear"


class Run(NamedTuple):
    """One run of a cell, and what became of it."""

    cell: Cell
    verdict: str
    why: str
    landed: bool
    met: str
    seen: Seen

    @property
    def truth(self) -> str:
        """See Cell.expected: by the witness where it can know."""
        return UNMET if self.cell.expected == UNMET else self.seen.verdict()

    @property
    def lie(self) -> str:
        """`false green`, `false red`, or nothing."""
        if self.verdict == "held" and self.truth in ("deviated", UNMET):
            return "false green"
        return "false red" if self.verdict == "deviated" and self.truth == "held" else ""


def run(cell: Cell) -> Run:
    """In a repository of its own, by the command line."""
    with tempfile.TemporaryDirectory(prefix="truth-") as name:
        folder = Path(name)
        shutil.copytree(FOLDER / cell.stack.name, folder / "app")
        shutil.copy(FOLDER / WITNESS, folder / "app")
        (folder / ".git").mkdir()
        manifest = folder / f"{cell.name}.yaml"
        manifest.write_text(yaml.safe_dump(cell.manifest(), sort_keys=False))
        done = subprocess.run(
            ours.command(manifest, folder / "runs"), capture_output=True, text=True, cwd=ROOT, check=False
        )
        if not done.stdout:
            raise SystemExit(f"{cell.name}: {done.stderr}")
        ran = ours.said(done.stdout, folder / "runs")
    (step,) = ran.result.steps
    count = "" if step.met is None or step.met.count is None else f"{step.met.count:,}"
    if count and step.met is not None and step.met.of is not None:
        count += f" of {step.met.of:,}"
    return Run(cell, ran.result.verdict.value, ran.result.why, step.landed, count, seen(cell, ran.events))


def seen(cell: Cell, events: Iterable[Event]) -> Seen:
    """Of the requests that began while the fault was in place; `afterwards`: when it should have recovered."""
    lines: list[dict[str, Any]] = []
    times: dict[str, float] = {}
    for event in events:
        if event.type == "log.captured" and event.data["line"].startswith('{"witness"'):
            lines.append(json.loads(event.data["line"]))
        times.setdefault(event.type, event.at)
    ended = times.get("fault.recovered")
    if ended is None:
        return Seen(0, 0)
    start, end = times["fault.injected"], ended
    if cell.afterwards:
        start, end = start + RECOVERS_WITHIN_S, float("inf")
    judged = [line for line in lines if start <= line["at"] < end - (0 if cell.afterwards else _CLOSE_S)]
    return Seen(len(judged), sum(_bad(cell, line) for line in judged))


_CLOSE_S = 0.3
"""What began so shortly before the end of a fault may be answered after it."""


def _bad(cell: Cell, line: dict[str, Any]) -> bool:
    return line["s"] != 200 or (cell.max_ms is not None and line["ms"] > cell.max_ms)


def table(runs: Sequence[Run]) -> Iterable[str]:
    """Markdown, a line for each cell."""
    yield "| stack | what happens | asked | verdicts | truth: bad of the client's own requests | met |"
    yield "|---|---|---|---|---|---|"
    for cell in dict.fromkeys(run.cell.name for run in runs):
        of = [run for run in runs if run.cell.name == cell]
        first = of[0].cell
        verdicts = ", ".join(f"{count} {name}" for name, count in Counter(run.verdict for run in of).items())
        truth = "; ".join(f"{run.truth} ({run.seen.bad} of {run.seen.of})" for run in of)
        lies = "".join(f" **{run.lie}**" for run in of if run.lie)
        met = "; ".join(run.met for run in of if run.met)
        yield f"| {first.stack.name} | {first.fault} | `{first.path}` | {verdicts}{lies} | {truth} | {met} |"


def summary(runs: Sequence[Run]) -> str:
    """The sentence that counts."""
    lies = Counter(run.lie for run in runs)
    undecided = sum(run.verdict == "inconclusive" and run.truth != UNMET for run in runs)
    return (
        f"{len(runs)} runs of {len({run.cell.name for run in runs})} experiments: "
        f"{lies['false green']} false greens, {lies['false red']} false reds, {undecided} that decide nothing."
    )


_HEAD = """# Truth on real stacks

Made by `make truth`: real servers from Debian's packages, each with a client of its own beside it that knows nothing of
ChaosLab (bench/stacks/witness.py). `/safe` copes without its dependency; the budget is a tenth of the answers. What the
client counted while the fault was in place, or after the time to recover, is the truth where its exact bound (95 %, one
side at a time: Clopper and Pearson) is on one side of a tenth.
"""


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    wanted = [cell for stack in STACKS for cell in cells(stack) if given.only in cell.name]
    with ThreadPoolExecutor(given.at_once) as pool:
        runs = list(pool.map(_told, wanted * given.runs))
    print(_HEAD)
    print(summary(runs), end="\n\n")
    print("\n".join(table(sorted(runs, key=lambda run: wanted.index(run.cell)))))
    sys.exit(any(run.lie for run in runs))


def _told(cell: Cell) -> Run:
    done = run(cell)
    print(
        f"{cell.name}: {done.verdict}, truth {done.truth} ({done.seen.bad} of {done.seen.of}), expected {cell.expected}"
        f"{f', {done.lie.upper()}' if done.lie else ''}{f': {done.why}' if done.verdict != done.truth else ''}",
        file=sys.stderr,
        flush=True,
    )
    return done


if __name__ == "__main__":
    main()
