"""Moments and spans as people read them: UTC, and no more digits than were measured."""

from datetime import UTC, datetime


def iso(at: float) -> str:
    """Unix seconds as `2026-01-31T18:03:11.042Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(at: float | None) -> str | None:
    """`iso`, for a moment that may not have come."""
    return None if at is None else iso(at)


def clock(at: float) -> str:
    """Unix seconds as `18:03:11Z`, for sentences."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%SZ")


def span(start: float, end: float) -> str:
    """`18:03:11–18:03:17Z`, for sentences."""
    return f"{clock(start)[:-1]}–{clock(end)}"


def seconds(value_s: float) -> str:
    """A length of time: `8.2 s`, `320 ms`."""
    if abs(value_s) >= 10:
        return f"{value_s:.0f} s"
    return f"{value_s:.1f} s" if abs(value_s) >= 1 else f"{value_s * 1000:.0f} ms"


def percent(share: float) -> str:
    """A share: `4 %`, `0.3 %`; never `0 %` for something that is not zero, nor `100 %` for less."""
    value = share * 100
    if 99.5 <= value < 100:
        digits = next((n for n in (1, 2) if round(value, n) < 100), None)
        return "almost 100 %" if digits is None else f"{value:.{digits}f} %"
    if value == 0 or abs(value) >= 10:
        return f"{value:.0f} %"
    return f"{value:.1f} %" if abs(value) >= 0.1 else "< 0.1 %"


def number(value: float) -> str:
    """At most four significant digits, without an exponent or trailing zeros."""
    digits = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return digits if "e" not in digits else f"{value:.6f}".rstrip("0").rstrip(".")


_UNITS = (("_percent", " %"), ("_bytes", " B"), ("_per_s", "/s"), ("_ms", " ms"), ("_s", " s"))


def name_and_unit(key: str) -> tuple[str, str]:
    """`delay_ms` is named `delay` and counted in ` ms`; a key without a unit is a count."""
    for suffix, unit in _UNITS:
        if key.endswith(suffix):
            return key.removesuffix(suffix).replace("_", " "), unit
    return key.replace("_", " "), ""
