"""Codec between the dataclasses of a run specification and plain JSON.

The agent and a plan read strictly: each field is there, none is unknown, each is of its type. A journal is read as far
as it goes, for it may be of another version: what it lacks, or has null for, has its default, and what is not known is
left out. A field that is UNSAID is written only where it differs from its default. Standard library only.
"""

import functools
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from chaos.errors import SpecError

T = TypeVar("T")

UNSAID = {"unsaid": True}
"""Metadata of a field that is not written where it has its default."""
OR_NONE = {"or none": True}
"""Metadata of a field that is None where a journal holds something that is not wholly known."""
_WORDS = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", type(None): "null"}


def encode(value: Any) -> Any:
    """Plain JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        rest = getattr(value, "rest", "")
        said = {each.name: getattr(value, each.name) for each in fields(value) if _is_said(each, value)}
        more = encode(said.pop(rest)) if rest else {}
        return {**{name: encode(each) for name, each in said.items()}, **more}
    if isinstance(value, Mapping):
        return {name: encode(each) for name, each in value.items()}
    return [encode(each) for each in value] if isinstance(value, list | tuple) else value


def decode(kind: type[T], data: Any, where: str = "", *, strict: bool = True) -> T:
    """The dataclass of JSON. Raises SpecError with the place, what is wrong there, and what is allowed."""
    if not isinstance(data, Mapping):
        raise _wrong(where, data, "a mapping")
    untyped: Any = kind
    shape: Mapping[str, Any] = _shape(untyped)
    rest: str = getattr(kind, "rest", "")
    more = {str(name): each for name, each in data.items() if name not in shape}
    if more and strict and not rest:
        raise SpecError(f"{_under(where, sorted(more)[0])}: not known; known: {', '.join(sorted(shape))}")
    if strict:
        _all_there(kind, data, where)
    read = {
        name: _field(kind, name, hint, data[name], _under(where, name), strict=strict)
        for name, hint in shape.items()
        if name in data and (strict or data[name] is not None)
    }
    return kind(**read, **({rest: more} if rest else {}))


@functools.cache
def _shape(kind: Any) -> Mapping[str, Any]:
    """The type of each field that a key of that name stands for."""
    hints, rest = get_type_hints(kind), getattr(kind, "rest", "")
    return {each.name: hints[each.name] for each in fields(kind) if each.name != rest}


def _all_there(kind: Any, data: Mapping[str, Any], where: str) -> None:
    rest, terse = getattr(kind, "rest", ""), getattr(kind, "terse", False)
    for each in fields(kind):
        if not (each.name in data or each.name == rest or terse or each.metadata == UNSAID):
            raise SpecError(f"{_under(where, each.name)}: lacks a value")


def _is_said(each: "Field[Any]", value: Any) -> bool:
    if each.metadata != UNSAID and not getattr(value, "terse", False):
        return True
    default = each.default if each.default_factory is MISSING else each.default_factory()
    return bool(getattr(value, each.name) != default)


def _field(kind: Any, name: str, hint: Any, data: Any, where: str, *, strict: bool) -> Any:
    if strict or kind.__dataclass_fields__[name].metadata != OR_NONE:
        return _value(hint, data, where, strict=strict)
    try:
        return _value(hint, data, where, strict=True)
    except SpecError:
        return None


def _value(hint: Any, data: Any, where: str, *, strict: bool) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, data, where, strict=strict)
    if origin is Literal:
        if data not in arguments and (strict or not isinstance(data, str)):
            raise SpecError(f"{where}: none of {', '.join(map(str, arguments))}")
        return data
    if is_dataclass(hint):
        kind: Any = hint
        return decode(kind, data, where, strict=strict)
    if origin is Sequence:
        if not isinstance(data, list | tuple):
            raise _wrong(where, data, "a list")
        return tuple(
            _value(arguments[0], each, f"{where}[{number}]", strict=strict)
            for number, each in enumerate(data)
        )
    if origin is Mapping:
        if not isinstance(data, Mapping):
            raise _wrong(where, data, "a mapping")
        return {
            str(name): _value(arguments[1], each, _under(where, str(name)), strict=strict)
            for name, each in data.items()
        }
    return _plain(hint, data, where)


def _one_of(kinds: Sequence[Any], data: Any, where: str, *, strict: bool) -> Any:
    """A value that may have several types: null, a mapping, a list, or a scalar tell by themselves which."""
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        fits = (
            Mapping
            if is_dataclass(kind)
            else {Sequence: list | tuple, Mapping: Mapping}.get(get_origin(kind))
        )
        if fits is not None and isinstance(data, fits):
            return _value(kind, data, where, strict=strict)
    if any(_fits(kind, data) for kind in kinds):
        return data
    raise _wrong(where, data, " or ".join(_named(kind) for kind in kinds))


def _plain(hint: Any, data: Any, where: str) -> Any:
    if hint is Any or _fits(hint, data):
        return data
    raise _wrong(where, data, _named(hint))


def _fits(kind: Any, data: Any) -> bool:
    if kind is float:
        return type(data) in (float, int)
    if get_origin(kind) is Literal:
        return data in get_args(kind)
    return type(data) is kind


def _named(kind: Any) -> str:
    if is_dataclass(kind) or get_origin(kind) is Mapping:
        return "a mapping"
    if get_origin(kind) is Sequence:
        return "a list"
    if get_origin(kind) is Literal:
        return ", ".join(map(str, get_args(kind)))
    return {int: "a whole number", float: "a number"}.get(kind) or _WORDS[kind]


def _under(where: str, name: str) -> str:
    return f"{where}.{ascii(name)[1:-1][:60]}".removeprefix(".")


def _wrong(where: str, data: Any, allowed: str) -> SpecError:
    return SpecError(f"{where or 'the order'}: is {_WORDS.get(type(data), 'a number')}, not {allowed}")
