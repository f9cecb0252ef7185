"""Percentiles, errors and throughput of literal requests."""

from math import exp
from random import Random
from statistics import NormalDist
from typing import Any

import pytest

from chaos.analysis.latency import failures, requests, summarise
from chaos.analysis.record import Record
from chaos.events import Event
from chaos.statistics.latencies import Request, percentile

PLAN = Event("run.started", 0.0, {"plan": {"load": {"rate_per_s": 10.0, "timeout_s": 2.0}}}, "host")


def sampled(
    at: float, took_ms: float, status: int | None = 200, error: str | None = None, late_ms: float = 0.1
) -> Event:
    data: dict[str, Any] = {
        "late_ms": late_ms,
        "took_ms": took_ms,
        "status": status,
        "error": error,
        "bytes": 2,
    }
    return Event("load.sampled", at, data)


def of(*events: Event) -> Record:
    return Record([PLAN, *events])


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 10.0), (0.95, 19.0), (0.99, 20.0), (1.0, 20.0), (0.01, 1.0)]
)
def test_percentiles_are_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 21)], share) == value


def test_a_percentile_of_nothing_is_nothing() -> None:
    assert percentile([], 0.5) is None


def test_fast_failures_neither_improve_latency_nor_make_it_slow() -> None:
    good = [sampled(i / 10, 100.0 + i) for i in range(20)]
    bad = [sampled(2.0 + i / 10, 1.0, *how) for i, how in enumerate([(None, "refused"), (503, None)] * 2)]
    summary = summarise(requests(of(*good, *bad)), 2.4)
    assert (summary.p50, summary.p95) == (0.109, 0.118)
    assert (summary.p50_with_failures, summary.p95_with_failures) == (0.111, 2.0)
    assert (summary.sent, summary.errors, summary.timeouts) == (24, 4, 0)


def test_a_timeout_counts_as_its_limit() -> None:
    good = [sampled(i / 10, 100.0) for i in range(18)]
    given_up = [sampled(1.8 + i / 10, 2000.0 - i, None, "timeout") for i in range(2)]
    summary = summarise(requests(of(*good, *given_up)), 2.0)
    assert (summary.p50, summary.p95, summary.timeouts) == (0.1, 2.0, 2)


def test_an_error_that_was_waited_for_counts_as_what_it_took_where_that_is_worse() -> None:
    good = [sampled(i / 10, 100.0) for i in range(90)]
    late = [sampled(9 + i / 10, 1500.0, 504) for i in range(10)]
    assert summarise(requests(of(*good, *late)), 10.0).p95 == 1.5
    early = [sampled(9 + i / 10, 50.0, 500) for i in range(10)]
    assert summarise(requests(of(*good, *early)), 10.0).p95 == 0.1


def test_of_nothing_but_failures_there_is_no_latency() -> None:
    summary = summarise(requests(of(*(sampled(i / 10, 1.0, 503) for i in range(30)))), 3.0)
    assert (summary.p50, summary.p95, summary.error_rate) == (None, None, 1.0)
    assert summary.p95_with_failures == 2.0


def test_a_failure_that_took_longer_than_the_timeout_counts_as_long_as_it_took() -> None:
    assert summarise(requests(of(sampled(0.0, 2500.0, None, "timeout"))), 1.0).p50 == 2.5


def test_a_status_of_400_and_above_is_a_failure_even_without_an_error_word() -> None:
    found = requests(of(sampled(0.0, 5.0, 503), sampled(0.1, 5.0, 404, "http_404"), sampled(0.2, 5.0, None)))
    assert failures(found) == [("http_503", 1), ("http_404", 1), ("no answer", 1)]


@pytest.mark.parametrize("own", ["late", "exhausted"])
def test_what_the_generator_failed_to_send_is_not_the_targets_failure(own: str) -> None:
    summary = summarise(requests(of(sampled(0.0, 5.0), sampled(0.1, 2100.0, None, own, late_ms=2100.0))), 1.0)
    assert (summary.sent, summary.errors) == (1, 0)
    assert summary.p50 == 0.005
    assert summary.lateness_p99_s == 2.1


def test_requests_are_ordered_by_intended_time_not_by_their_end() -> None:
    assert [request.at for request in requests(of(sampled(0.5, 5.0), sampled(0.1, 900.0)))] == [0.1, 0.5]


@pytest.mark.parametrize(("count", "has"), [(19, (False, False)), (20, (True, False)), (100, (True, True))])
def test_a_percentile_that_is_only_the_largest_of_a_few_is_none(count: int, has: tuple[bool, bool]) -> None:
    summary = summarise(requests(of(*(sampled(i / 10, 5.0 + i) for i in range(count)))), count / 10)
    assert (summary.p95 is not None, summary.p99 is not None) == has


def test_a_percentile_comes_with_its_interval_where_so_many_give_one() -> None:
    few, many = (
        summarise(requests(of(*(sampled(i / 10, float(i * 37 % count)) for i in range(count)))), count / 10)
        for count in (60, 400)
    )
    assert (few.p95_low, few.p95_high) == (None, None)
    assert many.p95_low is not None
    assert many.p95_high is not None
    assert many.p95_low < 0.379 < many.p95_high


def test_failures_in_clumps_count_as_fewer() -> None:
    apart = [sampled(i / 20, 5.0, 503 if i % 20 == 0 else 200) for i in range(200)]
    clumped = [sampled(i / 20, 5.0, 503 if i % 100 < 5 else 200) for i in range(200)]
    assert summarise(requests(of(*apart)), 10.0).independent == 200
    independent = summarise(requests(of(*clumped)), 10.0).independent
    assert independent is not None
    assert independent <= 60


@pytest.mark.parametrize(("share", "name"), [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")])
def test_intervals_of_percentiles_cover_as_often_as_they_say(share: float, name: str) -> None:
    random, covered, rounds = Random(11), 0, 60
    truth = 0.1 * exp(0.5 * NormalDist().inv_cdf(share))
    for _ in range(rounds):
        took = [0.1 * exp(random.gauss(0, 0.5)) for _ in range(600)]
        found = summarise([Request(n / 100, t, 0.0, None, t, True) for n, t in enumerate(took)], 6.0)
        low, high = getattr(found, f"{name}_low"), getattr(found, f"{name}_high")
        assert low <= getattr(found, name) <= high
        covered += low <= truth <= high
    assert covered >= 52  # of 95 % fewer are met with 0.9 %
