"""Live quantiles: of requests enough to have them, or none."""

import pytest

from chaos.analysis import judge
from chaos.analysis.latency import summarise
from chaos.analysis.result import LoadSummary
from chaos.publish.prometheus.conclusion import conclusion
from chaos.publish.prometheus.last_second import LastSecond, Second
from chaos.statistics.latencies import Request
from tests.journals import build


def answered(
    rate_per_s: float, until_s: float, took_s: float = 0.01, failure: str | None = None
) -> LastSecond:
    seen = LastSecond()
    for number in range(int(rate_per_s * until_s)):
        at = number / rate_per_s
        took = took_s * (1 + number % 7)
        seen.add(Request(at, took, 0.0, failure, took, True))
    return seen


def at(seen: LastSecond, moment: float) -> Second:
    found = seen.at(moment)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rate_per_s", "lasted_s", "told"),
    [
        (20.0, 0.8, {"0.5"}),
        (20.0, 3.0, {"0.5", "0.95"}),
        (15.0, 8.0, {"0.5", "0.95"}),  # 100 of them take more than 5 s
        (5.0, 6.0, {"0.5", "0.95"}),  # the last 20 of them took 4 s
        (2.0, 30.0, {"0.5"}),
        (50.0, 3.0, {"0.5", "0.95", "0.99"}),
        (200.0, 0.9, {"0.5", "0.95", "0.99"}),
    ],
)
def test_a_quantile_is_never_merely_the_slowest(rate_per_s: float, lasted_s: float, told: set[str]) -> None:
    assert set(at(answered(rate_per_s, lasted_s), lasted_s + 0.05).latency_s) == told


def test_more_requests_than_needed_are_those_of_the_last_second() -> None:
    seen = answered(100.0, 2.0, took_s=0.01)
    for number in range(100):
        seen.add(Request(2.0 + number / 100, 0.5, 0.0, None, 0.5, True))
    found = at(seen, 3.495)
    assert found.good_per_s == 100
    assert set(found.latency_s.values()) == {0.5}


def test_what_ended_longer_ago_is_forgotten_whoever_waits_before_it() -> None:
    seen = LastSecond()
    seen.add(Request(0.0, 9.5, 0.0, None, 9.5, True))  # the first of all ends last
    for number in range(100):
        seen.add(Request(number / 100, 0.01, 0.0, None, 0.01, True))
    assert at(seen, 9.6).latency_s == {"0.5": 9.5}


def test_of_nothing_but_failures_nothing_older_is_told() -> None:
    seen = answered(50.0, 2.0)
    for number in range(40):
        seen.add(Request(2.0 + number / 40, 0.001, 0.0, "refused", 2.0, True))
    found = at(seen, 3.1)
    assert (found.latency_s, found.error_ratio) == ({}, 1.0)


def test_the_quantiles_of_a_phase_come_with_their_number_and_interval() -> None:
    result = judge(build.held())
    took_s = [0.1 + (n * 97 % 250) / 1000 for n in range(250)]
    load = summarise([Request(n / 50, took, 0.0, None, took, True) for n, took in enumerate(took_s)], 5.0)
    samples = conclusion(result.model_copy(update={"load": {"fault": load}}), {})
    told = {
        (
            each.series.name,
            dict(each.series.labels).get("quantile") or dict(each.series.labels).get("of"),
            dict(each.series.labels).get("bound"),
        ): each.value
        for each in samples
    }
    assert told["chaoslab_run_requests_answered", None, None] == 250
    name = "chaoslab_run_request_latency"
    for quantile in ("0.5", "0.95"):
        low, high = (told[f"{name}_bound_seconds", quantile, bound] for bound in ("low", "high"))
        assert low < told[f"{name}_seconds", quantile, None] < high
    assert (f"{name}_bound_seconds", "0.99", "low") not in told  # 250 are too few for one of p99
    assert told[f"{name}_seconds", "0.99", None] == load.p99


def test_a_summary_of_before_has_no_intervals_and_can_be_read() -> None:
    load = judge(build.held()).load["fault"].model_dump()
    old = {
        name: value for name, value in load.items() if not name.startswith("p99_low") and name != "answered"
    }
    assert LoadSummary.model_validate(old).answered is None
