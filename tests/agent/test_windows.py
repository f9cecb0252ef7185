"""Windows: what counts, when, and as how much."""

from itertools import islice
from math import inf
from typing import get_args

import pytest

from chaos.agent.windows import Windows, nearest_rank
from chaos.probes.base import Metric
from chaos.statistics.point_process import of_the_load

TIMEOUT_S = 2.0


def answered(
    windows: Windows,
    key: int,
    intended: float,
    took_s: float,
    *,
    failed: bool = False,
    timed_out: bool = False,
) -> None:
    windows.request_began(key, intended)
    windows.request_ended(key, intended + took_s, failed=failed, timeout_s=TIMEOUT_S, timed_out=timed_out)


def steady(count: int, every_s: float = 0.02, took_s: float = 0.01) -> Windows:
    windows = Windows()
    for key in range(count):
        answered(windows, key, key * every_s, took_s)
    return windows


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 5.0), (0.95, 10.0), (0.99, 10.0), (0.1, 1.0), (0.7, 7.0), (0.0, 1.0)]
)
def test_nearest_rank_is_a_recorded_value(share: float, expected: float) -> None:
    assert nearest_rank([float(n) for n in range(10, 0, -1)], share) == expected


@pytest.mark.parametrize("metric", get_args(Metric))
def test_nothing_seen_is_none(metric: str) -> None:
    assert Windows().value(metric, 1.0, 100.0) is None


def test_latency_and_errors_need_five_requests() -> None:
    windows = steady(4)
    assert windows.value("latency_p95", 1.0, 0.1) is None
    assert windows.value("error_rate", 1.0, 0.1) is None
    answered(windows, 4, 0.08, 0.01)
    assert windows.value("latency_p95", 1.0, 0.1) == pytest.approx(0.01)
    assert windows.value("error_rate", 1.0, 0.1) == 0.0


def test_only_the_window_counts() -> None:
    windows = steady(50, took_s=0.01)
    for key in range(50, 100):
        answered(windows, key, key * 0.02, 0.005)
    assert windows.value("latency_p99", 0.9, 2.0) == pytest.approx(0.005)
    assert windows.value("latency_p99", 2.0, 2.0) == pytest.approx(0.01)


def test_failures_count_as_the_timeout_only_where_that_is_asked_for() -> None:
    windows = steady(45)
    for key in range(45, 50):
        answered(windows, key, key * 0.02, 0.001, failed=True)
    assert windows.value("latency_p50_with_failures", 1.0, 1.0) == pytest.approx(0.01)
    assert windows.value("latency_p95_with_failures", 1.0, 1.0) == TIMEOUT_S
    assert windows.value("latency_p95", 1.0, 1.0) == pytest.approx(0.01)
    assert windows.value("error_rate", 1.0, 1.0) == pytest.approx(0.1)


def test_a_failure_slower_than_the_timeout_counts_in_full() -> None:
    windows = Windows()
    for key in range(5):
        answered(windows, key, 0.0, 2.5, failed=True, timed_out=True)
    assert windows.value("latency_p50", 1.0, 2.6) == 2.5
    assert windows.value("latency_p50_with_failures", 1.0, 2.6) == 2.5


def test_an_error_that_came_late_is_slow_and_one_that_came_early_is_not_fast() -> None:
    windows = steady(40, took_s=0.1)
    for key in range(40, 50):
        answered(windows, key, key * 0.02, 0.9 if key % 2 else 0.001, failed=True)
    assert windows.value("latency_p95", 2.0, 2.0) == pytest.approx(0.9)
    assert windows.value("latency_p50", 2.0, 2.0) == pytest.approx(0.1)


def test_nothing_but_failures_is_no_good_latency() -> None:
    windows = Windows()
    for key in range(20):
        answered(windows, key, key * 0.05, 0.001, failed=True)
    windows.request_began(20, 1.0)
    assert windows.value("latency_p50", 1.0, 1.0) == inf
    assert windows.value("latency_p50_with_failures", 1.0, 1.0) == TIMEOUT_S
    answered(windows, 21, 0.9, 0.05)
    assert windows.value("latency_p50", 1.0, 1.0) == pytest.approx(0.05)


def test_a_hang_shows_while_it_lasts_and_longer_than_the_window() -> None:
    windows = steady(50)
    for key in range(50, 60):
        windows.request_began(key, key * 0.02)
    early = windows.value("latency_p95", 1.0, 1.2)
    assert early is not None
    assert 0.1 < early <= 0.2
    for key in range(60, 300):
        windows.request_began(key, key * 0.02)
    late = windows.value("latency_p95", 1.0, 6.0)
    assert late is not None
    assert late > 4.0
    assert windows.value("throughput", 1.0, 6.0) == 0.0
    assert windows.value("error_rate", 1.0, 6.0) is None


def test_young_requests_in_flight_do_not_make_latency_look_better() -> None:
    windows = Windows()
    for key in range(10):
        answered(windows, key, key * 0.1, 0.4)
    for key in range(10, 30):
        windows.request_began(key, 1.3)
    assert windows.value("latency_p50", 2.0, 1.31) == pytest.approx(0.4)


def test_requests_slower_than_the_window_are_in_it_when_they_end() -> None:
    windows = Windows()
    for key in range(100):
        answered(windows, key, key * 0.02, 1.5)
    assert windows.value("latency_p50", 1.0, 3.5) == pytest.approx(1.5)


def test_forgotten_requests_leave_no_trace() -> None:
    windows = steady(10)
    windows.request_began(10, 0.2)
    windows.request_forgotten(10)
    assert windows.value("latency_p99", 1.0, 9.0) is None
    assert windows.value("latency_p99", 9.0, 9.0) == pytest.approx(0.01)


def test_throughput_is_good_answers_per_second_of_a_full_window() -> None:
    windows = steady(100)
    assert windows.value("throughput", 1.0, 0.5) is None
    assert windows.value("throughput", 1.0, 2.0) == pytest.approx(50.0)
    for key in range(100, 150):
        answered(windows, key, key * 0.02, 0.01, failed=key % 2 == 0)
    assert windows.value("throughput", 1.0, 3.0) == pytest.approx(25.0)


def test_usage_is_the_mean_of_cpu_and_the_highest_of_memory() -> None:
    windows = Windows()
    for at, cpu, memory in [(0.0, 2.0, 0.9), (1.0, 0.2, 0.3), (1.1, 0.4, 0.5), (1.2, 0.6, 0.4)]:
        windows.used(at, cpu, memory)
    assert windows.value("cpu", 0.5, 1.3) == pytest.approx(0.4)
    assert windows.value("memory", 0.5, 1.3) == 0.5
    assert windows.value("cpu", 0.5, 9.0) is None


def test_only_what_a_window_may_ask_for_is_kept() -> None:
    windows = Windows(keep_s=1.0)
    for key in range(1000):
        answered(windows, key, key * 0.02, 0.01)
    assert len(windows._ended) <= 51
    windows.value("latency_p50", 5.0, 20.0)
    for key in range(1000, 2000):
        answered(windows, key, key * 0.02, 0.01)
    assert windows.value("throughput", 5.0, 40.0) == pytest.approx(50.0)


def drawn(rate: float, latency_s: float, begin: float, end: float) -> Windows:
    """Windows that saw every drawn request from `begin` to `end` answered well after `latency_s`."""
    windows = Windows()
    windows.drawn_at(rate)
    due = [begin + at for at in islice(of_the_load("poisson", rate, 2), 10_000)]
    for key, at in enumerate(at for at in due if at < end):
        windows.request_began(key, at)
        if at + latency_s <= end:
            windows.request_ended(key, at + latency_s, failed=False, timeout_s=1.0)
    return windows


@pytest.mark.parametrize("latency_s", [0.001, 0.05, 0.4])
def test_throughput_of_a_drawn_load_is_no_throw_of_a_die(latency_s: float) -> None:
    for end in range(20, 40):
        assert drawn(50.0, latency_s, 0.0, end).value("throughput", 1.0, end) == pytest.approx(50.0)


def test_throughput_of_a_drawn_load_falls_when_nothing_is_answered() -> None:
    windows = drawn(50.0, 0.01, 0.0, 20.0)
    for key in range(5000, 5100):  # two more seconds, and no answer
        windows.request_began(key, 20 + (key - 5000) / 50)
    assert windows.value("throughput", 1.0, 20.5) == pytest.approx(25.0, rel=0.2)
    assert windows.value("throughput", 1.0, 22.0) == 0.0


def test_throughput_of_a_drawn_load_counts_failures_as_due() -> None:
    windows = Windows()
    windows.drawn_at(10.0)
    for key in range(20):
        windows.request_began(key, key / 10)
        windows.request_ended(key, key / 10 + 0.01, failed=key % 2 == 0, timeout_s=1.0)
    assert windows.value("throughput", 1.0, 2.0) == pytest.approx(5.0)
