"""What lasts a tenth of a second is seen in a panel of hours: its peaks are those of the run's samples and result."""

from itertools import chain
from math import inf

import pytest

from chaos.publish import dashboards
from chaos.publish.grafana.queries import POINTS, queries_of, step_s
from chaos.run_spec.model import RunSpec
from tests.publish.dashboards.known import EXPERIMENT
from tests.publish.grafana.stage import Stage
from tests.report.a_run import END, PLAN, START

WIDE_S = 25
"""Seconds of an interval: in a view of two hours."""


def drawn(stage: Stage) -> dict[str, dict[str, list[float]]]:
    """Panel -> legend -> the values that a view of that width shows."""
    dashboard = dashboards.render(EXPERIMENT, stage.result, RunSpec.of_journal(PLAN))
    queries = queries_of(dashboard, {"run": stage.result.run_id}, WIDE_S * POINTS)
    targets = chain.from_iterable(panel.get("targets", ()) for panel in dashboard["panels"])
    shown: dict[str, dict[str, list[float]]] = {}
    for query, target in zip(queries, targets, strict=True):
        if not query.instant:
            found = stage.prometheus.range(query.expr, START, END + WIDE_S, WIDE_S)
            values = [float(value) for each in found for _, value in each["values"]]
            shown.setdefault(query.panel, {})[target["legendFormat"]] = values
    return shown


def most(stage: Stage, selector: str, what: str = "max") -> float:
    """Of all samples of that run."""
    query = f"{what}({what}_over_time({selector.replace('}', f',run={chr(34)}{stage.result.run_id}{chr(34)}}}')}[1h]))"
    (found,) = stage.prometheus.query(query, END + 60)
    return float(found["value"][1])


def test_a_wide_view_shows_the_peaks_of_the_result(stage: Stage) -> None:
    shown = drawn(stage)
    assert step_s(WIDE_S * POINTS) == WIDE_S
    cpu = shown["CPU"]
    assert max(cpu["cpu, peak"]) * 100 == pytest.approx(stage.result.usage.cpu_peak_percent, abs=0.01)
    assert max(shown["Memory"]["memory, peak"]) * 100 == pytest.approx(
        stage.result.usage.memory_peak_percent, abs=0.01
    )
    assert max(cpu["cpu"]) < max(cpu["cpu, peak"]) - 0.2  # the mean alone would have hidden it


@pytest.mark.parametrize(
    ("panel", "legend", "selector"),
    [
        ("Response latency", "p95, peak", 'chaoslab_request_latency_seconds{quantile="0.95"}'),
        ("Response latency", "p99, peak", 'chaoslab_request_latency_seconds{quantile="0.99"}'),
        ("Error rate", "errors, peak", 'chaoslab_request_error_ratio{phase!=""}'),
        ("Disk", "{{path}}, peak", 'chaoslab_disk_usage_ratio{phase!=""}'),
        ("CPU by process", "{{process}}, peak", 'chaoslab_process_cpu_usage_ratio{phase!=""}'),
    ],
)
def test_no_peak_of_a_panel_is_lost(stage: Stage, panel: str, legend: str, selector: str) -> None:
    assert max(drawn(stage)[panel][legend]) == most(stage, selector)


def test_what_is_bad_when_it_is_low_shows_its_lowest(stage: Stage) -> None:
    shown = drawn(stage)
    lowest = most(stage, 'chaoslab_throughput_requests_per_second{phase!=""}', "min")
    assert min(shown["Throughput"]["good answers, lowest"]) == lowest
    assert min(shown["Steady states"]["{{steady_state}}"], default=inf) == 0
    assert max(shown["Fault"]["{{step}}"]) == 1
