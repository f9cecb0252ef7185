"""Shape of the models along a path: which keys are known there, and which types a union has."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from chaos.faults.support.base import Fault
from chaos.faults.union import any_fault
from chaos.manifests.models.accepting import SUITED
from chaos.manifests.models.observing import Watched
from chaos.manifests.yaml.problems import Path

_NO_STEPS = frozenset({"[key]", "[text]", "[secret]", "[number]", "[until]", "[words]"})
"""What pydantic says of a key itself, and the tags of a variable's value and of how many trials there are."""


def path_of(loc: Sequence[int | str], raw: Any) -> Path:
    """The path in the document of a pydantic location, which also names the union members it went through."""
    path: list[int | str] = []
    entered = False
    for step in loc:
        if isinstance(raw, dict) and not entered and raw.get("type") == step:
            entered = True
            continue
        if step in _NO_STEPS:
            continue
        path.append(step)
        raw, entered = child(raw, step), False
    return tuple(path)


def keys_at(kind: type[BaseModel], raw: Any, path: Path, *, tags: bool = False) -> list[str]:
    """The keys known at `path` of a document of this kind; with `tags`, the types of the union there."""
    shape: Any = kind
    for step in path:
        shape = _inside(shape, raw, step)
        raw = child(raw, step)
    if tags:
        return [_tag(member) for member in _members(shape)]
    return list(_fields(_chosen(shape, raw)))


def _inside(shape: Any, raw: Any, step: int | str) -> Any:
    """The annotation of what is at `step` of a value of this shape."""
    shape = _chosen(shape, raw)
    if isinstance(shape, type) and issubclass(shape, Watched) and step == "tolerance":
        return _suited(raw)
    if isinstance(step, int):
        return next(iter(get_args(shape)), Any)
    if get_origin(shape) is dict:
        return get_args(shape)[1]
    return _fields(shape).get(step, Any)


def _suited(raw: Any) -> Any:
    probe = raw.get("probe") if isinstance(raw, dict) else None
    if not isinstance(probe, dict):
        return Any
    key = (probe.get("type"), probe.get("metric") if probe.get("type") == "metric" else None)
    return next((part for known, part in SUITED.items() if known == key), Any)


def _chosen(shape: Any, raw: Any) -> Any:
    """The class that `raw` is read as: the member of a union that has its `type`."""
    members = _members(shape)
    if len(members) == 1:
        return members[0]
    parts = list(dict.fromkeys(member for member in members if _fields(member)))
    if len(parts) == 1 and isinstance(raw, dict):  # text, or a mapping of one kind
        return parts[0]
    wanted = raw.get("type") if isinstance(raw, dict) else None
    return next((member for member in members if _tag(member) == wanted), Any)


def _members(shape: Any) -> list[Any]:
    if get_origin(shape) is Annotated:
        return _members(get_args(shape)[0])
    if get_origin(shape) in (Union, UnionType):
        return [inner for one in get_args(shape) if one is not NoneType for inner in _members(one)]
    return _members(any_fault()) if shape is Fault else [shape]


def _tag(member: Any) -> str:
    return str(next(iter(get_args(_fields(member).get("type"))), ""))


def _fields(shape: Any) -> Mapping[str, Any]:
    """Key in a manifest -> annotation."""
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
    if dataclasses.is_dataclass(shape) and isinstance(shape, type):
        hints = get_type_hints(shape, include_extras=True)
        return {field.name: hints[field.name] for field in dataclasses.fields(shape)}
    return {}


def child(raw: Any, step: int | str) -> Any:
    if isinstance(raw, dict):
        return raw.get(step)
    if isinstance(raw, list) and isinstance(step, int) and step < len(raw):
        return raw[step]
    return None
