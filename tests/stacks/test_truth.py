"""What a run says of a real stack is what a client beside it saw: how that is judged, and a short `make truth`."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bench import truth
from bench.stacks import STACKS
from bench.stacks.cells import UNMET, Cell, cells
from bench.truth import Run, Seen, seen, summary, table
from chaos.events import Event

ALL = {cell.name: cell for stack in STACKS for cell in cells(stack)}
SHORT = (
    "haproxy-answers-503-safe",
    "haproxy-refused-plain",
    "java-refused-plain",
    "nginx-answers-503-plain",
    "node-killed-plain",
    "postgres-reset-safe",
    "redis-dependency-hangs-safe",
)
"""One of each stack, three that hold and three that do not; and one half of what answers in turn, by chance."""
AT_ONCE = 3


def told(cell: Cell, verdict: str, of: int = 60, bad: int = 0) -> Run:
    return Run(cell, verdict, "", landed=True, met="", seen=Seen(of, bad))


def event(type_: str, at: float, **data: object) -> Event:
    return Event(type_, at, data)


def test_requests_that_began_under_the_fault_are_counted() -> None:
    lines = [
        event("log.captured", 0, line=f'{{"witness": {n}, "at": {at}, "ms": 5, "s": {status}}}')
        for n, (at, status) in enumerate(
            [(9, 500), (10.5, 200), (11, 503), (11.5, "null"), (12.9, 500), (13.5, 500)]
        )
    ]
    within = [event("fault.injected", 10), event("fault.recovered", 13)]
    assert seen(ALL["node-refused-plain"], [*within, *lines]) == (3, 2)
    assert seen(ALL["node-killed-plain"], [*within, *lines]) == (
        1,
        1,
    )  # what began three seconds after the kill
    assert seen(ALL["node-refused-plain"], lines) == (0, 0)


def test_a_slow_answer_is_a_bad_one_where_a_limit_is() -> None:
    slow = event("log.captured", 0, line='{"witness": 0, "at": 11, "ms": 250, "s": 200}')
    within = [event("fault.injected", 10), event("fault.recovered", 13)]
    assert seen(ALL["node-slow-road-fast-wanted-plain"], [*within, slow]) == (1, 1)
    assert seen(ALL["node-slow-road-plain"], [*within, slow]) == (1, 0)


@pytest.mark.parametrize(
    ("verdict", "bad", "lie"),
    [
        ("held", 0, ""),
        ("held", 30, "false green"),
        ("deviated", 30, ""),
        ("deviated", 0, "false red"),
        ("inconclusive", 0, ""),
        ("inconclusive", 30, ""),
    ],
)
def test_what_a_lie_is(verdict: str, bad: int, lie: str) -> None:
    assert told(ALL["nginx-refused-safe"], verdict, bad=bad).lie == lie


def test_a_green_of_a_fault_that_nobody_met_is_false() -> None:
    unmet = ALL["postgres-name-unknown-plain"]
    assert unmet.expected == UNMET
    assert told(unmet, "held").lie == "false green"
    assert not told(unmet, "inconclusive").lie


def test_the_page_names_every_lie() -> None:
    runs = [told(ALL["nginx-refused-safe"], "held", bad=30), told(ALL["nginx-refused-safe"], "held")]
    assert summary(runs).startswith("2 runs of 1 experiments: 1 false greens, 0 false reds")
    assert "| 2 held **false green** | deviated (30 of 60); held (0 of 60) |" in "\n".join(table(runs))


@pytest.fixture(scope="module")
def runs() -> Iterator[Mapping[str, Future[Run]]]:
    """The short form, some at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(truth.run, ALL[name]) for name in SHORT}


@pytest.mark.e2e
@pytest.mark.parametrize("name", SHORT)
@pytest.mark.paired
def test_the_verdict_is_the_truth(runs: Mapping[str, Future[Run]], name: str) -> None:
    done = runs[name].result()
    assert done.landed, done.why
    assert (done.verdict, done.truth) == (ALL[name].expected, ALL[name].expected), (done.why, done.seen)
