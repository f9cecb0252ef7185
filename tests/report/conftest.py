"""The made-up run, judged once: result, chart data and the facts it started with."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from chaos.analysis import ChartSeries, Result, judge, series
from chaos.analysis.result import Analysis, Metrics
from tests.report.a_run import events


class Judged(NamedTuple):
    result: Result
    series: ChartSeries
    started: Mapping[str, Any]


@pytest.fixture(scope="session")
def run() -> Judged:
    found = events()
    analysis = Analysis(
        analyzer="rules",
        summary="Checkout kept answering while its network was slower.",
        metrics=Metrics(
            cpu_peak=60.7, memory_peak=28.1, error_count=26, recovery_time_seconds=0.6, latency_p95=318.0
        ),
        severity="medium",
        recommendations=["Retry with backoff: every failed request was a timeout of 2 s."],
    )
    started = next(event.data for event in found if event.type == "run.started")
    return Judged(judge(found).model_copy(update={"analysis": analysis}), series(found), started)
