"""The sentence about the load: how many failed, and latencies with how many they are of."""

from collections.abc import Mapping

from chaos.analysis.latency import requests
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import LoadSummary
from chaos.analysis.timeline import Timeline
from chaos.explain.wording import counted
from chaos.statistics.latencies import population


def counts(record: Record, timeline: Timeline) -> dict[str, int]:
    """Phase -> of how many requests its p95 is."""
    sent = [each for each in requests(record) if each.sent]
    return {
        span.name: len(population([each for each in sent if span.start <= each.at < span.end], 0.95))
        for span in timeline.spans
    }


def load_sentence(baseline: LoadSummary, fault: LoadSummary, of: Mapping[str, int]) -> str:
    """Before the fault and under it."""
    before = _failed(baseline)
    said = f"{_failed(fault)} in the fault phase; before it {before[:1].lower()}{before[1:]}"
    if fault.p50 is None:
        return f"{said}; nobody was answered, so that there is no latency."
    if fault.p95 is None or baseline.p95 is None:
        return f"{said}."
    was = f"{seconds(baseline.p95)} (of {_of_what(baseline, of.get('baseline'))})"
    now = f"{seconds(fault.p95)} (of {_of_what(fault, of.get('fault'))}{_between(fault)})"
    return f"{said}; p95 latency went from {was} to {now}."


def _of_what(load: LoadSummary, many: int | None) -> str:
    """Of how many a latency is. Failures other than timeouts have none, unless they make it worse."""
    if load.timeouts is None:
        return counted(load.sent, "request")
    answers = counted(load.sent - load.errors, "answer")
    if many is not None and many > load.sent - load.errors + load.timeouts:
        return f"{answers} and {counted(load.errors, 'failure')}, which made it worse"
    if not load.timeouts:
        return answers
    limit = "counts as its limit" if load.timeouts == 1 else "count as their limit"
    return f"{answers} and {counted(load.timeouts, 'timeout')}, which {limit}"


def _between(load: LoadSummary) -> str:
    if load.p95_low is None or load.p95_high is None:
        return ""
    return f"; 95 % interval {seconds(load.p95_low)} to {seconds(load.p95_high)}"


def _failed(load: LoadSummary) -> str:
    if not load.errors:
        return f"None of {load.sent:,} requests failed"
    return f"{load.errors:,} of {load.sent:,} requests failed ({percent(load.error_rate)})"
