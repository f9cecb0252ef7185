"""Digests of what is asked for: each `sha256:…`, each by one function, wherever it is needed.

spec_digest        of an experiment's spec: what happens, not when
app_digest         of the app's files (`chaos.planning.app_source`): of their names, kinds and content
experiment_digest  of both: two runs with the same one are of the same experiment, and draw the same random choices
day_digest         of a game day's spec, and of its experiments' digests

A digest covers each field that differs from its default, and those that the apiVersion had on its first day anyway
(`chaos.manifests.first_fields`): a field added later changes no digest of a manifest that does not use it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

from pydantic import BaseModel

from chaos.errors import ManifestError
from chaos.manifests.first_fields import ALWAYS, FIRST_FIELDS
from chaos.manifests.models.experiment import ExperimentSpec, Load
from chaos.manifests.models.game_day import GameDaySpec

WHEN = {"schedule", "suspend", "on_push", "depends_on", "dashboard"}
"""What says when to run, not what happens then."""
_ABOUT_A_DAY = {"schedule", "suspend", "participants", "notes"}
"""What says when, and who is there; not what happens."""


def spec_digest(spec: ExperimentSpec) -> str:
    """Of what happens in an experiment."""
    return _of(_covered(spec))


def experiment_digest(spec: ExperimentSpec, app_digest: str | None) -> str:
    """Of what happens, and of the app that it happens to; None when the app is an image, which the spec names."""
    return _of({"spec": _covered(spec), "files": app_digest})


def day_digest(spec: GameDaySpec, digests: Mapping[str, str]) -> str:
    """Of what happens on a day: what it says, and its experiments' digests by their names."""
    said = spec.model_dump(mode="json", exclude=_ABOUT_A_DAY)
    return _of({"spec": said, "experiments": dict(sorted(digests.items()))})


def must_be(asked: str | None, found: str, file: str) -> None:
    """Raises ManifestError when a file says something else than what was asked for by its digest; None asks nothing."""
    if asked is not None and asked != found:
        raise ManifestError(
            f"{file}: its spec_digest is {found}, and this run was asked for with {asked}: it has changed meanwhile, "
            "or another version of ChaosLab reads it; sync again, or leave out spec_digest"
        )


def _of(said: Any) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), default=_plain)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not plain data")


def _covered(spec: ExperimentSpec) -> dict[str, Any]:
    said: dict[str, Any] = spec.model_dump(exclude=WHEN)
    trim(said, spec)
    if spec.load is not None:
        _one_limit(said["load"], spec.load)
    return said


def _one_limit(said: dict[str, Any], load: Load) -> None:
    """The limit of connections is one number, whichever of its two fields says it."""
    said.pop("max_connections", None)
    use, said["connections"] = said["connections"], load.limit
    if use in ("reuse", "new"):
        said["connection_use"] = use


def trim(said: Any, value: Any) -> None:
    """Leave out of `said`, the plain data of `value`, what says no more than its default and came later."""
    if isinstance(value, tuple | list):
        for plain, each in zip(said, value, strict=True):
            trim(plain, each)
        return
    kind: type = type(value)
    for name, default, came_later in _fields(kind):
        if name not in said:
            continue
        if came_later and getattr(value, name) == default:
            del said[name]
        else:
            trim(said[name], getattr(value, name))


@cache
def _fields(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Of each field its name, its default, and whether it came later; nothing of what has no fields."""
    kept = ALWAYS | set(FIRST_FIELDS.get(kind.__name__, "").split())
    return tuple((name, default, name not in kept) for name, default in _defaults(kind))


def _defaults(kind: type) -> Iterator[tuple[str, Any]]:
    """MISSING where there is none."""
    if issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            required = field.is_required()
            yield name, MISSING if required else field.get_default(call_default_factory=True)
    elif is_dataclass(kind):
        for each in fields(kind):
            made = each.default_factory
            yield each.name, made() if made is not MISSING else each.default
