"""Fidelity of one step in words: asked and delivered, with the units of the fault's fields."""

from collections.abc import Mapping
from dataclasses import dataclass

from chaos.analysis.moments import number
from chaos.analysis.result import StepResult
from chaos.report import scale

NOTHING = "–"

_SUFFIXES: Mapping[str, tuple[str, float]] = {
    "_ms": ("ms", 1.0),
    "_s": ("s", 1.0),
    "_seconds": ("s", 1.0),
    "_mib": ("MiB", 1.0),
    "_percent": ("%", 1.0),
    "_share": ("%", 100.0),
}


@dataclass(frozen=True)
class Quantity:
    """One thing asked of a fault and what was delivered of it."""

    name: str
    asked: str
    delivered: str
    bounds: str


def fidelity(step: StepResult) -> list[Quantity]:
    """One row a quantity; the interval belongs to the first."""
    rows: list[Quantity] = []
    for key, asked in step.asked.items():
        name, _ = _unit(key)
        bounds = "" if rows else _bounds(key, step.delivered)
        rows.append(Quantity(name, _amount(key, asked), _amount(key, step.delivered.get(key)), bounds))
    return rows


def _bounds(key: str, delivered: Mapping[str, float | str | None]) -> str:
    low, high, samples = (delivered.get(name) for name in ("low", "high", "samples"))
    parts = []
    if isinstance(low, int | float) and isinstance(high, int | float) and low < high:
        parts.append(f"95{scale.NBSP}%: {_bare(key, low)}–{_amount(key, high)}")
    if isinstance(samples, int | float) and samples:
        parts.append(f"{samples:,.0f} {'sample' if samples == 1 else 'samples'}")
        if isinstance(few := delivered.get("effective"), int | float):
            parts.append(f"that tell as much as {few:,.0f} independent ones")
    return f"({', '.join(parts)})" if parts else ""


def _unit(key: str) -> tuple[str, tuple[str, float] | None]:
    """`delay_ms` -> (`delay`, (`ms`, 1)): the words of a key and what its suffix says of its values."""
    for suffix, unit in _SUFFIXES.items():
        if key.endswith(suffix) and len(key) > len(suffix):
            return key.removesuffix(suffix).replace("_", " "), unit
    return key.removesuffix("_bytes").replace("_", " "), None


def _amount(key: str, value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or NOTHING
    if key.endswith("_bytes"):
        return scale.size(value)
    unit = _unit(key)[1]
    return f"{_bare(key, value)}{scale.NBSP}{unit[0]}" if unit else number(value)


def _bare(key: str, value: float) -> str:
    if key.endswith("_bytes"):
        return scale.size(value)
    unit = _unit(key)[1]
    return number(value * unit[1] if unit else value)
