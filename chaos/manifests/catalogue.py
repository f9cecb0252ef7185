"""Catalogue of faults as plain data: sentence, presets, fields, mechanisms and providers."""

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from chaos.faults import FAULTS
from chaos.faults.support.base import Fault
from chaos.manifests.schema import Schema, schema
from chaos.sandboxes.union import SPECS

_REF = "#/$defs/"


@cache
def catalogue() -> Mapping[str, Mapping[str, Any]]:
    """Fault -> `sentence`, `presets`, `fields` (JSON schema, with all that it refers to), `mechanisms`, `providers`."""
    parts = schema()["$defs"]
    return {name: _entry(name, FAULTS[name], parts) for name in sorted(FAULTS)}


def _entry(name: str, fault: type[Fault], parts: Mapping[str, Schema]) -> Mapping[str, Any]:
    own = parts[fault.__name__]
    needed = {each: parts[each] for each in sorted(_referred(own, parts))}
    return {
        "name": name,
        "sentence": re.split(r"(?<=\.)\s", inspect.cleandoc(fault.__doc__ or ""), maxsplit=1)[0],
        "presets": {intensity: dict(fields) for intensity, fields in fault.presets.items()},
        "fields": {**own, **({"$defs": needed} if needed else {})},
        "mechanisms": list(FAULTS[name].mechanisms),
        "providers": {provider: _where(name, fault, provider) for provider in SPECS},
    }


def _where(name: str, fault: type[Fault], provider: str) -> str:
    if lacking := sorted(fault.requires - SPECS[provider].provides):
        return f"refused: lacks {', '.join(lacking)}"
    return ", ".join(each for each in FAULTS[name].mechanisms if each not in SPECS[provider].lacks)


def _referred(part: Any, parts: Mapping[str, Schema]) -> set[str]:
    """The names of all parts that this one needs, directly or by others."""
    found: set[str] = set()
    waiting = list(_refs(part))
    while waiting:
        if (name := waiting.pop()) not in found:
            found.add(name)
            waiting += _refs(parts[name])
    return found


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str) and ref.startswith(_REF):
            yield ref.removeprefix(_REF)
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)
