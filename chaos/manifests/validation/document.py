"""Document validation: a document against its model, with as many problems as can be found at once.

One mistake can hide others: of a fault whose `type` is misspelt no field is looked at, and without its probe
no tolerance. So what is invalid is looked at again with the likely meaning put in its place.
"""

import copy
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from chaos.manifests.models.base import Part
from chaos.manifests.validation.shape import child, path_of
from chaos.manifests.validation.words import explain, quoted_words
from chaos.manifests.yaml.problems import Path, nearest

M = TypeVar("M", bound=Part)

_LOOKS = 4
_PLAIN_PROBES: dict[str, dict[str, Any]] = {
    "http": {"type": "http", "url": ""},
    "tcp": {"type": "tcp", "port": 1},
    "command": {"type": "command", "command": [""]},
    "process": {"type": "process", "process": ""},
}


def validate(data: dict[str, Any], kind: type[M]) -> tuple[M | None, list[tuple[Path, str]]]:
    """The manifest (or policy), or else every mistake with its path."""
    manifest, errors = _look(data, kind)
    if manifest is not None:
        return manifest, []
    said = {path: what for path, what in _explained(errors, kind, data)}
    guess = copy.deepcopy(data)
    for _ in range(_LOOKS):
        if not any([_repair(guess, error) for error in errors]):
            break
        _, errors = _look(guess, kind)
        for path, what in _explained(errors, kind, guess):
            said.setdefault(path, what)
    return None, list(said.items())


@cache
def _adapter(kind: type[M]) -> TypeAdapter[M]:
    return TypeAdapter(kind)


def _look(data: dict[str, Any], kind: type[M]) -> tuple[M | None, list[ErrorDetails]]:
    # Through JSON: only there strict validation is strict about words and numbers but not about lists.
    try:
        return _adapter(kind).validate_json(json.dumps(data), strict=True), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _explained(errors: Sequence[ErrorDetails], kind: type[M], data: Any) -> list[tuple[Path, str]]:
    return [explain(error, kind, data) for error in errors if not _echo(error)]


def _echo(error: ErrorDetails) -> bool:
    """Whether a list only seems too short because its invalid entries were not counted."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _repair(guess: dict[str, Any], error: ErrorDetails) -> bool:
    """Put what was likely meant where this error is; False when there is nothing to guess."""
    path = path_of(error["loc"], guess)
    if error["type"] == "union_tag_invalid":
        meant = nearest(str(error["ctx"]["tag"]), quoted_words(error["ctx"]["expected_tags"]))
        return meant is not None and _set(guess, (*path, "type"), meant)
    if error["type"] == "both":
        return _set(guess, (*path, "intensity"), None)
    if "probe" in path:
        at = path[: path.index("probe") + 1]
        return _set(guess, at, _plain_probe(_get(guess, at)))
    return False


def _plain_probe(probe: Any) -> Any:
    """A valid probe of the same type, or the probe itself when its type is not known."""
    if not isinstance(probe, dict):
        return probe
    if probe.get("type") == "metric" and isinstance(probe.get("metric"), str):
        return {"type": "metric", "metric": probe["metric"]}
    return _PLAIN_PROBES.get(str(probe.get("type")), probe)


def _get(guess: Any, path: Path) -> Any:
    for step in path:
        guess = child(guess, step)
    return guess


def _set(guess: Any, path: Path, value: Any) -> bool:
    """Whether that changed anything."""
    box = _get(guess, path[:-1])
    if not isinstance(box, dict) or box.get(path[-1]) == value:
        return False
    box[path[-1]] = value
    return True
