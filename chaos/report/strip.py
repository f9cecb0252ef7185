"""Strip chart of one steady state: low bars within tolerance, tall bars out of it, dots for no sample."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from chaos.report.chart import Band
from chaos.report.plain import escaped
from chaos.report.plot import percent, times
from chaos.report.thin import GAP, usual_pause

CELLS = 250
"""Cells across a strip; wide enough to be seen on a phone, so one bad sample never disappears."""

_TOP, _HEIGHT = 24, 20


@dataclass(frozen=True, kw_only=True)
class Strip:
    """(when, whether it was within tolerance) of every sample, over `span`."""

    title: str
    about: str
    span: tuple[float, float]
    samples: Sequence[tuple[float, bool]]
    bands: Sequence[Band] = ()
    note: str = ""
    timed: bool = False
    """Whether to write the time axis below."""


def draw_strip(strip: Strip) -> str:
    """The SVG text of `strip`."""
    bottom = _TOP + _HEIGHT
    height = bottom + (18 if strip.timed else 4)
    return "".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart strip" role="img" width="100%" height="{height}">',
            f"<title>{escaped(strip.title)}</title><desc>{escaped(strip.about)}</desc>",
            *_bands(strip, bottom),
            f'<line class="unseen" x1="0" x2="100%" y1="{bottom - 2.5}" y2="{bottom - 2.5}"/>',
            *_cells(strip, bottom),
            f'<text class="key" x="0" y="16"><tspan class="name">{escaped(strip.title, 60)}</tspan>',
            f'<tspan class="soft" dx="12">{escaped(strip.note, 90)}</tspan></text>',
            *(times(strip.span, bottom + 15) if strip.timed else ()),
            "</svg>",
        )
    )


def cells(
    samples: Sequence[tuple[float, bool]], span: tuple[float, float]
) -> Iterator[tuple[int, int, bool]]:
    """(first cell, cell after the last, good) of every run of equal cells; a cell with a bad sample is bad.

    A sample stands for the time until the next one, and a last one for the usual pause; never for a gap.
    """
    width = (span[1] - span[0]) / CELLS
    if width <= 0:
        return
    pause = usual_pause(samples)
    numbers = [min(CELLS - 1, max(0, int((at - span[0]) / width))) for at, _ in samples]
    following = [*samples[1:], (samples[-1][0] + pause, True)] if samples else []
    good: dict[int, bool] = {}
    for (at, fine), number, (next_at, _) in zip(samples, numbers, following, strict=True):
        end = at + (next_at - at if next_at - at <= GAP * pause else pause)
        for cell in range(number, max(number + 1, min(CELLS, int((end - span[0]) / width)))):
            good[cell] = good.get(cell, True) and fine
    # A cell's number less its rank is the same all along an unbroken stretch.
    ranked = enumerate(sorted(good.items()))
    for (_, fine), group in groupby(ranked, key=lambda item: (item[1][0] - item[0], item[1][1])):
        run = [cell for _, (cell, _) in group]
        yield run[0], run[-1] + 1, fine


def _bands(strip: Strip, bottom: int) -> Iterable[str]:
    for band in strip.bands:
        if band.shaded:
            left = percent(band.start, strip.span)
            width = round(percent(band.end, strip.span) - left, 2)
            yield f'<rect class="band" x="{left}%" y="{_TOP}" width="{width}%" height="{bottom - _TOP}"/>'


def _cells(strip: Strip, bottom: int) -> Iterable[str]:
    for first, after, fine in cells(strip.samples, strip.span):
        left, width = round(first * 100 / CELLS, 2), round((after - first) * 100 / CELLS, 2)
        tall = 5 if fine else _HEIGHT
        kind = "good" if fine else "bad"
        yield f'<rect class="{kind}" x="{left}%" y="{bottom - tall}" width="{width}%" height="{tall}"/>'
