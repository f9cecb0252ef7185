"""SVG plot: lines over time, the fault's window shaded, tolerances dashed.

Every horizontal position is a percentage and only the traces live in a stretched inner drawing, so that one string is
crisp at any width: in the page it fills a phone or a printed sheet at the same text size. Colours and strokes are
classes; `chart.css` gives them meaning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chaos.report.chart import Chart, Trace
from chaos.report.plain import escaped
from chaos.report.scale import NBSP, axis, moments, seconds
from chaos.report.thin import COLUMNS, GAP, thinned, unbroken, usual_pause

TITLE, NAMES, TIMES = 26, 18, 22
"""Pixels of the title's row, of the row that names phases and faults, and of the time axis."""
_ROOM = 1.08
"""Of the highest value: what the scale reaches, so that a peak does not touch the edge."""


def draw(chart: Chart) -> str:
    """The SVG text of `chart`."""
    high = _highest(chart)
    marks = [mark for mark in axis(high, chart.unit, marks=4 if chart.height >= 200 else 2) if mark <= high]
    top, bottom = (TITLE + NAMES, TIMES) if chart.named else (TITLE, 2)
    frame = _Frame(chart.span, high, top, chart.height - top - bottom)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" width="100%" height="{chart.height}">',
            f"<title>{escaped(chart.title)}</title><desc>{escaped(chart.about)}</desc>",
            *_bands(chart, frame),
            *_grid(chart, frame, marks),
            f'<svg y="{frame.top}" width="100%" height="{frame.height}" viewBox="0 0 {COLUMNS} {frame.height}" '
            'preserveAspectRatio="none">',
            *_traces(chart, frame),
            "</svg>",
            *_ticks(chart, frame, marks),
            *_limits(chart, frame),
            _key(chart),
            *_readouts(chart, frame),
            "</svg>",
        )
    )


def percent(at: float, span: tuple[float, float]) -> float:
    """Where `at` lies in `span`, 0 to 100, held inside."""
    width = span[1] - span[0]
    return round(min(100.0, max(0.0, 100 * (at - span[0]) / width)), 2) if width > 0 else 0.0


def times(span: tuple[float, float], bottom: int) -> Iterable[str]:
    """The labels of the time axis, seconds since the start of `span`, with their baseline at `bottom`."""
    length = span[1] - span[0]
    for at in moments(length):
        x = percent(span[0] + at, span)
        anchor = "start" if x < 4 else "end" if x > 96 else "middle"
        words = seconds(at) if at or length < 1 else f"0{NBSP}s"
        yield f'<text class="tick" x="{x}%" y="{bottom}" text-anchor="{anchor}">{words}</text>'


@dataclass(frozen=True)
class _Frame:
    """Seconds and values -> columns and pixels of the inner drawing."""

    span: tuple[float, float]
    high: float
    top: int
    height: int

    def x(self, at: float) -> float:
        return percent(at, self.span) * COLUMNS / 100

    def y(self, value: float) -> float:
        return round(self.height * (1 - min(value, self.high) / self.high), 1)


def _highest(chart: Chart) -> float:
    values = [value for line in chart.lines for _, value in line.points if value is not None]
    seen = max([*values, *(value for _, value in chart.dots), chart.at_least], default=0.0)
    # A limit far above everything would flatten the traces; it is then named at the upper edge instead.
    near = [limit.value for limit in chart.limits if limit.value <= 3 * seen]
    return (max([seen, *near]) or 1.0) * _ROOM


def _bands(chart: Chart, frame: _Frame) -> Iterable[str]:
    above = frame.top - (NAMES if chart.named else 0)
    for band in chart.bands:
        if band.shaded:
            left, right = percent(band.start, chart.span), percent(band.end, chart.span)
            box = f'x="{left}%" y="{frame.top}" width="{round(right - left, 2)}%" height="{frame.height}"'
            yield f'<rect class="band" {box}/>'
            for edge in (left, right):
                yield f'<line class="edge" x1="{edge}%" x2="{edge}%" y1="{above}" y2="{frame.top + frame.height}"/>'
    if chart.named:
        yield from _names(chart, frame.top - NAMES)


def _names(chart: Chart, y: int) -> Iterable[str]:
    """Each name is cut where the next begins, however narrow the page."""
    lefts = [percent(band.start, chart.span) for band in chart.bands]
    for band, left, following in zip(chart.bands, lefts, [*lefts, 100.0][1:], strict=True):
        room = f'x="{left}%" y="{y}" width="{max(0.0, round(following - left, 2))}%" height="{NAMES}"'
        kind = "fault" if band.shaded else "phase"
        yield f'<svg {room}><text class="{kind}" x="5" y="13">{escaped(band.name, 80)}</text></svg>'


def _grid(chart: Chart, frame: _Frame, marks: Sequence[float]) -> Iterable[str]:
    for mark in marks:
        y = round(frame.top + frame.y(mark), 1)
        yield f'<line class="{"grid" if mark else "floor"}" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
    if chart.named:
        yield from times(chart.span, frame.top + frame.height + 16)


def _ticks(chart: Chart, frame: _Frame, marks: Sequence[float]) -> Iterable[str]:
    """Values just under their line, inside the plot: the traces keep the whole width."""
    for mark in marks:
        if mark:
            y = round(frame.top + frame.y(mark) + 12, 1)
            yield f'<text class="tick halo" x="2" y="{y}">{chart.unit(mark)}</text>'


def _traces(chart: Chart, frame: _Frame) -> Iterable[str]:
    if chart.dots:
        spots = {(round(frame.x(at), 1), frame.y(value)) for at, value in chart.dots}
        yield f'<path class="dots" d="{"".join(f"M{x:g} {y:g}h0" for x, y in sorted(spots))}"/>'
    for line in chart.lines:
        yield from _trace(line, frame)
    if chart.misses:
        columns = sorted({round(frame.x(at), 1) for at in chart.misses})
        yield f'<path class="misses" d="{"".join(f"M{x:g} 0v8" for x in columns)}"/>'


def _trace(line: Trace, frame: _Frame) -> Iterable[str]:
    for stretch in unbroken(line.points, gap_s=GAP * usual_pause(line.points)):
        kept = thinned([(frame.x(at), frame.y(value)) for at, value in stretch])
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in kept)
        if len(kept) == 1:
            path += "h0"
        if line.area:
            yield f'<path class="area a{line.style}" d="{path}V{frame.height}H{kept[0][0]:g}z"/>'
        yield f'<path class="line l{line.style}" d="{path}"/>'


def _limits(chart: Chart, frame: _Frame) -> Iterable[str]:
    above = [limit for limit in chart.limits if limit.value > frame.high]
    for limit in chart.limits:
        if limit in above:
            continue
        y = frame.top + frame.y(limit.value)
        yield f'<line class="limit" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        yield _at_right(
            y - 4 if y > frame.top + 16 else y + 12,
            f"{limit.name} {chart.unit(limit.value)}",
            "limit-name halo",
        )
    if above:
        names = " · ".join(f"{limit.name} {chart.unit(limit.value)}" for limit in above)
        yield _at_right(frame.top + 12, f"↑ {names}", "limit-name halo")


def _key(chart: Chart) -> str:
    samples = {1: "—", 2: "– –", 3: "···"}
    entries = [
        f'<tspan class="k{line.style}" dx="12">{samples[line.style]} {escaped(line.name, 40)}</tspan>'
        for line in chart.lines
        if line.name
    ]
    if chart.dots_name:
        entries.append(f'<tspan class="kd" dx="12">• {escaped(chart.dots_name, 40)}</tspan>')
    if chart.misses_name:
        entries.append(f'<tspan class="km" dx="12">| {escaped(chart.misses_name, 40)}</tspan>')
    title = f'<tspan class="name">{escaped(chart.title, 60)}</tspan>'
    return f'<text class="key" x="0" y="16">{title}{"".join(entries)}</text>'


def _readouts(chart: Chart, frame: _Frame) -> Iterable[str]:
    if not chart.readouts:
        return
    yield '<g class="readouts">'
    for start, end, words in chart.readouts:
        left, right = percent(start, chart.span), percent(end, chart.span)
        middle = round((left + right) / 2, 2)
        yield (
            f'<g class="at"><rect x="{left}%" y="{frame.top}" width="{round(right - left, 2)}%" '
            f'height="{frame.height}"/>'
            f'<line x1="{middle}%" x2="{middle}%" y1="{frame.top}" y2="{frame.top + frame.height}"/>'
            f'<text x="100%" y="16" text-anchor="end">{escaped(words)}</text></g>'
        )
    yield "</g>"


def _at_right(y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="100%" dx="-2" y="{round(y, 1)}" text-anchor="end">{escaped(words, 90)}</text>'
