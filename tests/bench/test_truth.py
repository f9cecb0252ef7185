"""What a client saw is told as the truth only where its counts can tell, and a verdict is a lie only against that."""

import pytest

from bench.stacks import STACKS
from bench.stacks.cells import UNMET, Cell, cells
from bench.truth import Run, Seen

DEVIATED, HELD, UNKNOWN = (
    next(cell for stack in STACKS for cell in cells(stack) if cell.expected == expected)
    for expected in ("deviated", "held", UNMET)
)


@pytest.mark.parametrize(
    ("bad", "of", "told"),
    [
        *[(0, 0, "unclear"), (0, 20, "unclear"), (0, 29, "held"), (1, 78, "held"), (2, 56, "unclear")],
        *[
            (8, 60, "unclear"),
            (12, 60, "deviated"),
            (2, 2, "deviated"),
            (1, 1, "unclear"),
            (60, 60, "deviated"),
        ],
    ],
)
def test_the_truth_is_what_the_counts_can_tell(bad: int, of: int, told: str) -> None:
    assert Seen(of, bad).verdict() == told


def a_run(cell: Cell, verdict: str, seen: Seen) -> Run:
    return Run(cell, verdict, "", True, "", seen)


@pytest.mark.parametrize(
    ("cell", "verdict", "seen", "lie"),
    [
        (DEVIATED, "held", Seen(60, 60), "false green"),
        (HELD, "deviated", Seen(60, 0), "false red"),
        (UNKNOWN, "held", Seen(60, 0), "false green"),
        (UNKNOWN, "inconclusive", Seen(60, 0), ""),
        (HELD, "held", Seen(20, 0), ""),
        (HELD, "deviated", Seen(60, 8), ""),
        (DEVIATED, "inconclusive", Seen(60, 60), ""),
    ],
)
def test_a_lie_is_a_verdict_against_the_truth(cell: Cell, verdict: str, seen: Seen, lie: str) -> None:
    assert a_run(cell, verdict, seen).lie == lie
