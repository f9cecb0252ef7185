"""Blind diagnosis of one's own runs: faults hidden, named from what the target showed, held against `result.json`.

    python -m bench.diagnosis_runs DIR    DIR holds folders of runs, such as `runs`

Scored are single runs with one fault, one of the five that the rules can name, which landed. Intervals are Wilson's,
95 %.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from bench.blind_diagnosis import CALM, CLASSES, blinded, diagnose
from bench.diagnosis import score
from chaos.publish.report import revisit


def scored(folders: Iterator[Path]) -> Iterator[tuple[str, str, str]]:
    """Run, what was done to it, and what it is called."""
    for folder in folders:
        run, result = revisit(folder)
        steps = result.steps
        if result.trials is None and len(steps) == 1 and steps[0].landed and steps[0].fault in CLASSES:
            called = diagnose(blinded(list(run.journal.events()))).fault
            yield folder.name, steps[0].fault, called


def main() -> None:
    """Score and print."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m bench.diagnosis_runs DIR, where DIR holds folders of runs")
    found = list(scored(path.parent for path in sorted(Path(sys.argv[1]).glob("*/result.json"))))
    if not found:
        sys.exit(f"{sys.argv[1]}: no run in it with one fault of {', '.join(sorted(set(CLASSES) - {CALM}))}")
    truth = {run: fault for run, fault, _ in found}
    print(*score({run: called for run, _, called in found}, truth), sep="\n")


if __name__ == "__main__":
    main()
