"""Scales: values with their unit, and round values of an axis that starts at zero."""

import math
from collections.abc import Callable, Sequence

NBSP = "\u00a0"
"""Between a number and its unit: they stay on one line."""

_MINUTE = 60.0
_CLOCK_STEPS = tuple(_MINUTE * minutes for minutes in (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440))

Writer = Callable[[float], str]
"""A value in its base unit, as a person reads it."""


def seconds(value: float) -> str:
    """`320 ms`, `1.5 s`, `2 min 5 s`."""
    length = abs(value)
    if length < 0.0005:
        return f"0{NBSP}ms" if length < 5e-7 else f"{_short(value * 1e6)}{NBSP}µs"
    if length < 0.9995:
        return f"{_short(value * 1e3)}{NBSP}ms"
    if length < 119.5:
        return f"{_short(value)}{NBSP}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{NBSP}min{NBSP}{rest}{NBSP}s" if rest else f"{minutes}{NBSP}min"


def share(value: float) -> str:
    """`12.5 %`; what is not zero is never written as zero, nor what is not all as all."""
    if 0 < abs(value) < 0.0005:
        return f"<{NBSP}0.1{NBSP}%"
    if 0.9995 <= value < 1:
        return f"{value * 100:.2f}{NBSP}%" if value < 0.99995 else f"almost 100{NBSP}%"
    return f"{_short(value * 100)}{NBSP}%"


def size(value: float) -> str:
    """`512 MiB`."""
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 1024**power:
            return f"{_short(value / 1024**power)}{NBSP}{name}"
    return f"{_short(value)}{NBSP}B"


def rate(value: float) -> str:
    """`50/s`."""
    return f"{_short(value)}/s"


def count(value: float) -> str:
    """`1,234`."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else _short(value)


def axis(high: float, writer: Writer, marks: int = 4) -> Sequence[float]:
    """Round values from 0 to the first one that is not below `high`, about `marks` of them above zero."""
    if not math.isfinite(high) or high <= 0:
        high = 1.0
    raw = high / marks
    unit = 1024.0 ** max(0, math.floor(math.log(raw, 1024))) if writer is size and raw >= 1 else 1.0
    magnitude: float = unit * 10.0 ** math.floor(math.log10(raw / unit))
    # A hair of slack, so that 0.3 / 3 is seen as the round step that it is.
    step = next(k * magnitude for k in (1, 2, 2.5, 5, 10) if k * magnitude >= raw * (1 - 1e-9))
    steps = math.ceil(high / step * (1 - 1e-9))
    return [round(index * step, 12) for index in range(steps + 1)]


def moments(length_s: float, marks: int = 5) -> Sequence[float]:
    """Round times from 0 to at most `length_s`; beyond two minutes round by the clock, not by tens."""
    if length_s <= 0:
        return [0.0]
    if length_s <= 2 * _MINUTE:
        return [at for at in axis(length_s, seconds, marks) if at <= length_s * (1 + 1e-6)]
    step = next((step for step in _CLOCK_STEPS if length_s / step <= marks + 1), _CLOCK_STEPS[-1])
    return [index * step for index in range(int(length_s / step) + 1)]


def _short(value: float) -> str:
    """Three significant digits at most, thousands separated, no trailing zeros."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    digits = 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    if text not in ("0", "-0") or value == 0:
        return text if text != "-0" else "0"
    return f"{value:.1g}"
