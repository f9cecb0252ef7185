"""Metrics of a result, one sample each: for views over many runs."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import isfinite

from chaos.analysis.result import Result
from chaos.publish.prometheus.samples import Sample, series


def conclusion(result: Result, common: Mapping[str, str]) -> list[Sample]:
    """At the end of the run; `common` are the labels of all its samples."""
    at_ms = round(datetime.fromisoformat(result.ended_at).timestamp() * 1000)
    return [
        Sample(series(name, {**common, **labels}), at_ms, float(value))
        for name, labels, value in _numbers(result)
        if value is not None and isfinite(value)
    ]


def _numbers(result: Result) -> Iterator[tuple[str, dict[str, str], float | None]]:
    yield "chaoslab_run_verdict", {"outcome": result.outcome, "verdict": result.verdict}, 1
    yield "chaoslab_run_duration_seconds", {}, result.timings.total_s
    for state in result.steady_state:
        labels = {"steady_state": state.name}
        yield "chaoslab_run_recovery_seconds", labels, state.recovery_time_seconds
        yield "chaoslab_run_noticed_ratio", labels, state.noticed_share
        yield "chaoslab_run_noticed_delay_seconds", labels, state.noticed_delay_seconds
    for step in result.steps:
        labels = {"fault": step.fault, "step": step.name}
        yield "chaoslab_run_fault_landed", labels, step.landed
        yield "chaoslab_run_fault_met", labels, step.met.count if step.met else None
    for phase, load in result.load.items():
        if load.sent:
            yield "chaoslab_run_request_error_ratio", {"phase": phase}, load.error_rate
        yield "chaoslab_run_requests_answered", {"phase": phase}, load.answered
        for quantile, value, low, high in (
            ("0.5", load.p50, load.p50_low, load.p50_high),
            ("0.95", load.p95, load.p95_low, load.p95_high),
            ("0.99", load.p99, load.p99_low, load.p99_high),
        ):
            labels = {"phase": phase, "quantile": quantile}
            yield "chaoslab_run_request_latency_seconds", labels, value
            for bound, bound_s in (("low", low), ("high", high)):
                labels = {"phase": phase, "of": quantile, "bound": bound}
                yield "chaoslab_run_request_latency_bound_seconds", labels, bound_s
