"""A dashboard checked against the typed models of Grafana's own grafana-foundation-sdk.

Its `from_json` drops unknown keys and ignores types; so its objects are compared with the type hints of their
constructors, and what they encode again with what went in.
"""

import copy
import enum
import functools
import inspect
import json
import sys
import types
import typing
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

with warnings.catch_warnings():
    # It prefers schema v2, which only Grafana 12 and later open.
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

plugins.register_default_plugins()


def problems(dashboard: Mapping[str, Any]) -> list[str]:
    """Keys that Grafana's models do not know, and values of a type that they do not take."""
    typed = Dashboard.from_json(copy.deepcopy(dict(dashboard)))
    again = json.loads(JSONEncoder().encode(typed))
    return [*_mistyped(typed, "$"), *_lost(dashboard, again, "$")]


def _mistyped(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _mistyped(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _mistyped(each, f"{path}.{key}")
    elif hasattr(value, "to_json"):
        for key, hint in _hints(type(value)).items():
            found = getattr(value, key, None)
            if not _fits(found, hint):
                yield f"{path}.{key}: {found!r:.60} is not {hint}"
            yield from _mistyped(found, f"{path}.{key}")


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    found = typing.get_type_hints(kind.__init__, vars(sys.modules[kind.__module__]))  # type: ignore[misc]
    return {name: hint for name, hint in found.items() if name != "return"}


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint in (Any, object):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is list:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(each, inner[1]) for each in value.values())
    return _is_a(value, hint)


def _is_a(value: Any, hint: Any) -> bool:
    if not inspect.isclass(hint):
        return True
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if issubclass(hint, enum.Enum):
        return isinstance(value, hint) or value in [each.value for each in hint]
    if isinstance(value, dict) and hasattr(hint, "from_json"):  # it leaves some parts as they came
        return bool(json.loads(JSONEncoder().encode(hint.from_json(value))) == value)
    return isinstance(value, hint)


def _lost(sent: Any, kept: Any, path: str) -> Iterator[str]:
    if isinstance(sent, Mapping) and isinstance(kept, Mapping):
        for key, value in sent.items():
            if key in kept:
                yield from _lost(value, kept[key], f"{path}.{key}")
            elif value is not None:
                yield f"{path}.{key}: unknown to Grafana's models"
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for index, (one, other) in enumerate(zip(sent, kept, strict=True)):
            yield from _lost(one, other, f"{path}[{index}]")
    elif sent != kept:
        yield f"{path}: {sent!r:.50} became {kept!r:.50}"
