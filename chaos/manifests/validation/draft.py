"""Draft reader: what can be understood of a spec that may be wrong anywhere."""

from dataclasses import MISSING, fields
from typing import Any

from chaos.faults import FAULTS
from chaos.manifests.models.experiment import Phases
from chaos.manifests.models.intensity import preset_of
from chaos.manifests.models.method import Step
from chaos.manifests.yaml.problems import Path
from chaos.probes import PROBES
from chaos.units import DURATION, RATE


def mapping(box: Any, key: str) -> dict[str, Any]:
    value = box.get(key) if isinstance(box, dict) else None
    return value if isinstance(value, dict) else {}


def items(spec: dict[str, Any], *keys: str) -> list[tuple[Path, dict[str, Any]]]:
    """The mappings in the list at these keys, with their paths."""
    box: Any = spec
    for key in keys:
        box = box.get(key) if isinstance(box, dict) else None
    listed = box if isinstance(box, list) else []
    return [((*keys, index), item) for index, item in enumerate(listed) if isinstance(item, dict)]


def faults(spec: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    return [((*path, "fault"), mapping(step, "fault")) for path, step in items(spec, "method")]


def probes(spec: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """Every probe: of steady states, of stop conditions, and those that say when a process is ready."""
    watched = [*items(spec, "steadyState"), *items(spec, "stopWhen")]
    ready = items(spec, "target", "processes")
    return [
        *(((*path, "probe"), mapping(item, "probe")) for path, item in watched),
        *(((*path, "ready"), mapping(item, "ready")) for path, item in ready),
    ]


def seconds(text: Any, default: float | None = None) -> float | None:
    if text is None:
        return default
    try:
        return DURATION.parse(text)
    except ValueError:
        return None


def per_second(text: Any) -> float | None:
    try:
        return RATE.parse(text)
    except ValueError:
        return None


def window(probe: dict[str, Any]) -> float | None:
    """How far back a metric looks; None of any other probe."""
    if probe.get("type") != "metric":
        return None
    return seconds(probe.get("window"), _field_default(PROBES["metric"], "window"))


def hold(step: dict[str, Any]) -> float | None:
    return seconds(step.get("hold"), default(Step, "hold"))


def phase(spec: dict[str, Any], name: str) -> float | None:
    return seconds(mapping(spec, "phases").get(name), default(Phases, name))


def default(part: Any, field: str) -> float:
    return float(part.model_fields[field].default)


def default_every(probe: Any) -> float | None:
    kind = PROBES.get(probe) if isinstance(probe, str) else None
    return _field_default(kind, "every")


def fault_seconds(fault: Any, name: str) -> float | None:
    """A duration of a fault: as written, or from its preset, or its default."""
    if not isinstance(fault, dict) or not isinstance(fault.get("type"), str):
        return None
    written = fault.get(name, (preset_of(fault) or {}).get(name))
    return seconds(written, _field_default(FAULTS.get(fault["type"]), name))


def _field_default(kind: Any, name: str) -> float | None:
    for field in fields(kind) if kind is not None else ():
        if field.name == name and field.default is not MISSING and isinstance(field.default, float):
            return field.default
    return None
