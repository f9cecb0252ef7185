"""Policy of intensity: a fault's numbers compared with the strongest preset that is allowed.

A number that presets set may go as far as the strongest allowed preset goes, in the direction in which they grow
stronger (a longer delay, a lower rate). A word may be one that an allowed preset uses. An amount that no preset of the
fault sets, such as a jitter, cannot be weighed, so it must be left out. `high` bounds the numbers, and nothing else.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import Any, get_args

from chaos.faults import FAULTS
from chaos.faults.support.base import Fault, Intensity
from chaos.manifests.models.method import unit_of

LEVELS: tuple[Intensity, ...] = get_args(Intensity)
_PLACES = ("type", "intensity", "port", "status")
"""Numbers that say what or where, not how much."""


def beyond(fault: Mapping[str, Any], most: Intensity) -> Iterator[tuple[str, str]]:
    """Each field of a fault (as the agent is told it) that is stronger than this preset, and why."""
    kind = FAULTS[fault["type"]]
    preset = {name for level in LEVELS for name in kind.presets[level]}
    for field in fields(kind):
        if field.name in _PLACES:
            continue
        value = fault[field.name]
        why = (
            _too_strong(kind, field.name, value, most)
            if field.name in preset
            else _not_weighed(field, value, most)
        )
        if why:
            yield field.name, why


def _too_strong(kind: type[Fault], name: str, value: Any, most: Intensity) -> str | None:
    if value is None:
        return None  # left out
    steps = {level: preset_numbers(kind, level)[name] for level in LEVELS}
    allowed = [steps[level] for level in LEVELS[: LEVELS.index(most) + 1]]
    written = _written(kind, name, value)
    if not all(map(_is_number, (value, *steps.values()))):
        if most == "high" or value in allowed:
            return None
        words = ", ".join(_written(kind, name, each) for each in dict.fromkeys(allowed) if each is not None)
        what = f"up to intensity {most} there is {words or 'none'}"
        return f"{written} cannot be compared with what is allowed: {what}"
    grows = abs(steps["high"]) >= abs(steps["low"])
    bound = (max if grows else min)(allowed, key=abs)
    if abs(value) <= abs(bound) if grows else abs(value) >= abs(bound):
        return None
    limit = f"{'at most' if grows else 'at least'} {_written(kind, name, bound)}"
    return f"{written} is stronger than intensity {most}: {limit}"


def _not_weighed(field: "Field[Any]", value: Any, most: Intensity) -> str | None:
    if most == "high" or not _is_number(value) or value == field.default:
        return None
    return f"is an amount that no intensity sets, so it cannot be weighed against {most}; leave it out"


@cache
def preset_numbers(kind: type[Fault], level: Intensity) -> Mapping[str, Any]:
    """The fields of that preset in base units, those that it leaves out at their defaults."""
    defaults = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    return defaults | {name: _read(kind, name, text) for name, text in kind.presets[level].items()}


def _read(kind: type[Fault], name: str, value: Any) -> Any:
    """A preset's quantity in base units; anything else as it is."""
    try:
        return unit_of(kind, name).parse(value)
    except ValueError:
        return value


def _written(kind: type[Fault], name: str, value: Any) -> str:
    try:
        return unit_of(kind, name).format(value)
    except (ValueError, TypeError):
        return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
