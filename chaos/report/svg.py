"""SVG charts of one run: latency, errors, throughput, CPU, memory, disk, and a strip for each steady state.

Each is SVG text that works in the page and, by `chart_data_uri`, as a picture on its own (markdown renderers such as
Prefect's show data: images and drop inline SVG).
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence

from chaos.analysis.chart import ChartSeries, Points
from chaos.report import scale
from chaos.report.chart import Band, Chart, Limit, Trace
from chaos.report.plot import draw
from chaos.report.sheet import css
from chaos.report.strip import Strip, draw_strip
from chaos.run_spec.model import RunSpec, bounds

IMAGE_WIDTH = 760
_DISK_MOVES_PERCENT = 1.0
_READOUTS = 120
"""Readings a pointer can find along one chart."""


def timeline(series: ChartSeries, plan: RunSpec) -> list[str]:
    """Every chart that has something to show, in reading order. `plan` (`run.started.data.plan`) has the tolerances."""
    if series.end <= series.start:
        return []
    charts = [
        latency_chart(series, plan) if series.latency else "",
        _metric(series, plan, "error_rate", "Errors", series.error_rate, scale.share, at_least=0.02),
        _metric(series, plan, "throughput", "Good answers", series.throughput, scale.rate),
        _metric(series, plan, "cpu", "CPU, of one core", _shares(series.cpu), scale.share, at_least=0.1),
        _metric(
            series, plan, "memory", "Memory, of the limit", _shares(series.memory), scale.share, at_least=0.1
        ),
        *(
            _metric(series, plan, "", f"Disk {path}", _shares(points), scale.share, at_least=0.1)
            for path, points in series.disk.items()
            if _moved(points)
        ),
        *_strips(series, plan),
    ]
    return [chart for chart in charts if chart]


def latency_chart(series: ChartSeries, plan: RunSpec | None = None) -> str:
    """Every request as a dot, failed ones as ticks along the top, p50 and p95 as lines, the fault's window shaded."""
    good = [(at, took) for at, took, fine in series.latency if fine]
    failed = [at for at, _, fine in series.latency if not fine]
    lines = [
        Trace(name="p95", points=series.latency_p95),
        Trace(name="p50", points=series.latency_p50, style=2),
    ]
    return draw(
        Chart(
            title="Latency",
            about=_about("Latency of the requests over time", series.latency_p95, scale.seconds, series),
            unit=scale.seconds,
            span=(series.start, series.end),
            lines=[line for line in lines if line.points],
            dots=good,
            dots_name="one request" if good else "",
            misses=failed,
            misses_name="failed" if failed else "",
            bands=_bands(series),
            limits=_limits(plan or RunSpec(), "latency_p50", "latency_p95", "latency_p99"),
            height=260,
            named=True,
            readouts=_readouts(series, lines, scale.seconds) if plan is not None else (),
        )
    )


def chart_data_uri(svg: str) -> str:
    """The chart as a picture that carries its own colours: a `data:` address for `<img>` and markdown."""
    height = int(re.search(r' height="(\d+)"', svg)[1])  # type: ignore[index]  # every chart has one
    inside = svg[svg.index(">") + 1 :]
    inside = re.sub(r'<g class="readouts">.*</g>(?=</svg>$)', "", inside, flags=re.DOTALL)
    pad = 14
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{IMAGE_WIDTH}" height="{height + 2 * pad}" '
        f'viewBox="0 0 {IMAGE_WIDTH} {height + 2 * pad}"><style>:root{{{css("light")}}}{css("chart")}</style>'
        f'<rect width="100%" height="100%" rx="8" style="fill:var(--page)"/>'
        f'<svg class="chart" role="img" x="{pad}" y="{pad}" width="{IMAGE_WIDTH - 2 * pad}" height="{height}">'
        f"{inside}</svg>"
    )
    return "data:image/svg+xml;base64," + b64encode(picture.encode()).decode()


def _metric(
    series: ChartSeries,
    plan: RunSpec,
    metric: str,
    title: str,
    points: Points,
    unit: scale.Writer,
    at_least: float = 0.0,
) -> str:
    if not points:
        return ""
    line = Trace(name="", points=points, area=True)
    return draw(
        Chart(
            title=title,
            about=_about(title, points, unit, series),
            unit=unit,
            span=(series.start, series.end),
            lines=[line],
            bands=_bands(series),
            limits=_limits(plan, metric),
            at_least=at_least,
            readouts=_readouts(series, [line], unit),
        )
    )


def _strips(series: ChartSeries, plan: RunSpec) -> Iterable[str]:
    asked = {state.name: state.probe for state in plan.steady_state}
    for index, (name, looks) in enumerate(series.probes):
        bad = sum(not good for _, _, good in looks)
        probe = asked.get(name)
        every = "" if probe is None else f", every {scale.seconds(probe.every)}"
        out = (
            f"{scale.count(bad)} of {scale.count(len(looks))} looks out of tolerance"
            if looks
            else "never looked"
        )
        yield draw_strip(
            Strip(
                title=name,
                about=f"Steady state {name}: {out}. Tall bars are out of tolerance, a dotted line is no sample.",
                span=(series.start, series.end),
                samples=[(at, good) for at, _, good in looks],
                bands=_bands(series),
                note=f"{out}{every}",
                timed=index == len(series.probes) - 1,
            )
        )


def _bands(series: ChartSeries) -> list[Band]:
    """The quiet phases by name, and every fault's window, by time."""
    quiet = [Band(name=name, start=start, end=end) for name, start, end in series.phases if name != "fault"]
    acting = [Band(name=step, start=start, end=end, shaded=True) for step, start, end in series.faults]
    return sorted([*quiet, *acting], key=lambda band: band.start)


def _limits(plan: RunSpec, *metrics: str) -> list[Limit]:
    """What steady states and stop conditions tolerate of these metrics."""
    return [
        Limit(name=f"{name}: {words}", value=value)
        for name, tolerance in bounds(plan, metrics)
        for value, words in ((tolerance.max, "at most"), (tolerance.min, "at least"))
        if value is not None
    ]


def _readouts(
    series: ChartSeries, lines: Sequence[Trace], unit: scale.Writer
) -> list[tuple[float, float, str]]:
    """What a pointer reads at regular times: of every line the highest value around it."""
    width = (series.end - series.start) / _READOUTS
    found: dict[int, dict[str, float]] = {}
    for line in lines:
        for at, value in line.points:
            if value is not None:
                here = found.setdefault(int((at - series.start) / width), {})
                here[line.name] = max(value, here.get(line.name, 0.0))
    return [
        (
            series.start + index * width,
            series.start + (index + 1) * width,
            " · ".join(
                (
                    scale.seconds((index + 0.5) * width),
                    *(f"{name} {unit(value)}".strip() for name, value in values.items()),
                )
            ),
        )
        for index, values in sorted(found.items())
    ]


def _about(what: str, points: Points, unit: scale.Writer, series: ChartSeries) -> str:
    """The chart in a sentence, for who cannot see it."""
    if not points:
        return f"{what}: nothing was measured."
    at, highest = max(points, key=_value)
    parts = [f"{what}; highest {unit(highest)} at {scale.seconds(at - series.start)}."]
    for step, start, end in series.faults:
        begin, finish = scale.seconds(start - series.start), scale.seconds(end - series.start)
        parts.append(f"Fault “{step}” acted from {begin} to {finish}.")
    return " ".join(parts)


def _moved(points: Points) -> bool:
    """Whether a disk did anything worth a chart."""
    levels = [percent for _, percent in points]
    return max(levels) - min(levels) >= _DISK_MOVES_PERCENT


def _shares(points: Points) -> Points:
    return [(at, percent / 100) for at, percent in points]


def _value(point: tuple[float, float]) -> float:
    return point[1]
