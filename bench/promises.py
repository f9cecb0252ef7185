"""Tables of simulated shares, and what of them is promised."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from bench.made_up import Phases, Run
from chaos.analysis import judge
from chaos.verdict import Outcome

PROMISED = 0.05
SLACK = 3.0
"""Standard errors that a simulated share may be over what is promised."""
PHASES = {
    "2/4/3": Phases(2.0, 4.0, 3.0),
    "10/10/10": Phases(10.0, 10.0, 10.0),
    "20/40/30": Phases(20.0, 40.0, 30.0),
}
ENDS = ("held", "inconclusive", "deviated", "not_injected")


class Row(NamedTuple):
    """One line of a table, and what of it is promised."""

    cells: Sequence[str]
    promised: Mapping[str, tuple[float, float]] = {}
    """What -> (share seen, share allowed)."""


class Table(NamedTuple):
    """One question."""

    title: str
    head: Sequence[str]
    rows: Sequence[Row]


def ends(make: Callable[[Random], Run], rounds: int, seed: str) -> Counter[str]:
    """How so many such runs are judged."""
    random, found = Random(seed), Counter[str]()
    for _ in range(rounds):
        result = judge(make(random).events())
        unsteady = result.outcome is Outcome.NOT_INJECTED
        found["not_injected" if unsteady else str(result.verdict)] += 1
    return found


def percents(found: Counter[str]) -> list[str]:
    """By `ENDS`."""
    return [f"{100 * found[end] / found.total():.1f} %" for end in ENDS]


def limit(rounds: int, promised: float = PROMISED) -> float:
    """What a simulated share may be, when what is promised is true."""
    return promised + SLACK * (promised * (1 - promised) / rounds) ** 0.5


def broken(table: Table) -> list[str]:
    """What of it is beyond what is promised."""
    return [
        f"{table.title}: {', '.join(row.cells)}: {what} {100 * seen:.1f} %, {100 * most:.1f} % allowed"
        for row in table.rows
        for what, (seen, most) in row.promised.items()
        if seen > most + 1e-9
    ]


def markdown(table: Table) -> str:
    """As docs/statistics.md has it."""
    lines = [f"### {table.title}", "", f"| {' | '.join(table.head)} |", f"|{'---|' * len(table.head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row.cells)} |" for row in table.rows), ""])
