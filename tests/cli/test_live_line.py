"""The moving line of numbers on a terminal: a percentile of enough requests, and of how many."""

import io

import pytest

from chaos.events import Event
from chaos.report.console import TerminalProgress


class Terminal(io.StringIO):
    """One that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("count", "status", "told"),
    [
        (5, 200, "5/s · median 30 ms of 5 · 0 of 5 failed"),
        (19, 200, "median 100 ms of 19"),
        (20, 200, "20/s · p95 190 ms of 20"),
        (30, 503, "30/s · no answer · 30 of 30 failed"),
    ],
)
def test_the_number_of_requests_stands_beside_the_percentile(count: int, status: int, told: str) -> None:
    screen = Terminal()
    seen = TerminalProgress("shop", 9.0, screen)
    for number in range(count):
        said = {"late_ms": 0.0, "took_ms": 10.0 * (number + 1), "status": status, "error": None}
        seen(Event("load.sampled", 100.0 + number / 100, said, "agent", number))
    seen._drawn = 0.0
    seen(Event("usage.sampled", 100.4, {"cpu_percent": 1.0, "memory_percent": 2.0}, "agent", 99))
    assert told in screen.getvalue()
