"""Timeline drawing of a game day: a row an experiment, its fault's time, the stages, the decisions.

Horizontal positions are percentages, as in `plot`, so that it fills a phone, a page and a picture alike.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from chaos.game_days.learnt import DayReport, DayRun
from chaos.report import day_words, scale
from chaos.report.plain import escaped
from chaos.report.plot import percent, times
from chaos.report.sheet import SYMBOLS

HEAD, ROW, FOOT = 44, 40, 24
"""Pixels: the names of the stages and the decisions, one experiment, the time axis."""
_BAR = 14


def draw_day(day: DayReport) -> str:
    """The SVG text; nothing when nothing ran."""
    span = (day.started_at.timestamp(), day.until.timestamp())
    if not day.runs or span[1] <= span[0]:
        return ""
    bottom = HEAD + ROW * len(day.runs)
    size = f'width="100%" height="{bottom + FOOT}"'
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart day" role="img" {size}>',
            f"<title>The day</title><desc>{escaped(_about(day), 4000)}</desc>",
            *_stages(day, span, bottom),
            *(part for index, run in enumerate(day.runs) for part in _run(run, HEAD + ROW * index, span)),
            *_decisions(day, span, bottom),
            f'<line class="floor" x1="0" x2="100%" y1="{bottom + 4}" y2="{bottom + 4}"/>',
            *times(span, bottom + 19),
            "</svg>",
        )
    )


def _stages(day: DayReport, span: tuple[float, float], bottom: int) -> Iterator[str]:
    """Each name is cut where the next begins; every second stage has a ground of its own."""
    lefts = [_percent(stage.started_at, span) for stage in day.stages]
    for index, (stage, left, following) in enumerate(
        zip(day.stages, lefts, [*lefts, 100.0][1:], strict=True)
    ):
        width = max(0.0, round(following - left, 2))
        if index % 2:
            yield f'<rect class="ground" x="{left}%" y="0" width="{width}%" height="{bottom + 4}"/>'
        name = f'<text class="name" x="5" y="15">{escaped(stage.name, 60)}</text>'
        yield f'<svg x="{left}%" y="0" width="{width}%" height="20">{name}</svg>'


def _run(run: DayRun, top: int, span: tuple[float, float]) -> Iterator[str]:
    verdict = run.verdict.value if run.verdict else "unknown"
    end = run.ended_at.timestamp() if run.ended_at else span[1]
    y = top + 20
    called = f"↳ {run.experiment}" if run.follow_up_of else run.experiment
    yield f'<text x="0" y="{top + 14}"><tspan class="sign-{verdict}">{SYMBOLS.get(verdict, "?")}</tspan>'
    yield f'<tspan class="row-name" dx="6">{escaped(called, 60)}</tspan>'
    yield f'<tspan class="soft" dx="8">{escaped(_note(run), 80)}</tspan></text>'
    kind = f"run {verdict}" + ("" if run.ended_at else " open")
    yield f'<rect class="{kind}" {_box(run.started_at.timestamp(), end, y, span)} height="{_BAR}" rx="2"/>'
    for acting in run.acting:
        at = _box(acting.start.timestamp(), acting.end.timestamp(), y, span)
        yield f'<g><title>{escaped(acting.fault)}</title><rect class="acting" {at} height="{_BAR}"/></g>'


def _decisions(day: DayReport, span: tuple[float, float], bottom: int) -> Iterator[str]:
    for stage in day.stages:
        for decision in stage.decisions:
            at, kind = _percent(decision.at, span), "go" if decision.go else "no-go"
            anchor = "start" if at < 8 else "end" if at > 80 else "middle"
            yield f'<line class="decided" x1="{at}%" x2="{at}%" y1="36" y2="{bottom + 4}"/>'
            yield f'<text class="{kind}" x="{at}%" y="33" text-anchor="{anchor}">{day_words.gate(decision)}'
            yield f"<title>{escaped(decision.why)}</title></text>"


def _note(run: DayRun) -> str:
    """`network_delay · 25 s`."""
    faults = ", ".join(dict.fromkeys(acting.fault for acting in run.acting))
    lasted = (
        scale.seconds((run.ended_at - run.started_at).total_seconds()) if run.ended_at else "no end was seen"
    )
    return " · ".join(part for part in (faults, lasted) if part)


def _about(day: DayReport) -> str:
    """The drawing in words, for who cannot see it."""
    return " ".join((*_began(day.runs, day.started_at), *_decided(day)))


def _began(runs: Sequence[DayRun], start: datetime) -> Iterator[str]:
    for run in runs:
        after = scale.seconds((run.started_at - start).total_seconds())
        yield f"{run.experiment} ({run.stage}) began after {after}: {run.verdict or 'no verdict'}."


def _decided(day: DayReport) -> Iterator[str]:
    for stage in day.stages:
        for decision in stage.decisions:
            yield f"After {stage.name}: {'go' if decision.go else 'no go'}."


def _box(start: float, end: float, y: float, span: tuple[float, float]) -> str:
    left, right = percent(start, span), percent(end, span)
    width = max(0.3, round(right - left, 2))  # or the shortest of a long day could not be seen
    return f'x="{min(left, 100 - width)}%" y="{y}" width="{width}%"'


def _percent(at: datetime, span: tuple[float, float]) -> float:
    return percent(at.timestamp(), span)
