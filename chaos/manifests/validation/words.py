"""Validation messages: pydantic's errors in an author's words, with place, rule and the nearest known word."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from chaos.manifests.models.base import SHAPES, Part
from chaos.manifests.validation.shape import keys_at, path_of
from chaos.manifests.yaml.problems import Path, quoted, unknown

Issues = tuple[Path, str]


def explain(error: ErrorDetails, kind: type[Part], raw: Any) -> Issues:
    """The path and the sentence of one validation error of `raw` as a `kind`."""
    path = path_of(error["loc"], raw)
    context = error.get("ctx", {})
    say = _SENTENCES.get(error["type"])
    if error["type"] in _UNKNOWN_KEY:
        return path, unknown(str(path[-1]), keys_at(kind, raw, path[:-1]), "key")
    if error["type"] in _MISSING:
        return path, "missing, but required"
    if error["type"] == "union_tag_not_found":
        return (*path, "type"), f"missing, but required; one of: {_tags(kind, raw, path, context)}"
    if error["type"] == "union_tag_invalid":
        return (*path, "type"), unknown(str(context["tag"]), quoted_words(context["expected_tags"]))
    if error["type"] == "both":
        return (*path, context["key"]), error["msg"]
    if say is _list and path[-1] == "command":
        return path, say(error["input"], context) + _as_list(error["input"])
    if say is not None:
        return path, say(error["input"], context)
    return path, str(context.get("error") or error["msg"])


_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def _tags(kind: type[Part], raw: Any, path: Path, context: Mapping[str, Any]) -> str:
    return ", ".join(keys_at(kind, raw, path, tags=True))


def _expected(what: str) -> Callable[[Any, Mapping[str, Any]], str]:
    return lambda value, _: f"expected {what}, got {_kind_of(value)}"


def _text(value: Any, _: Mapping[str, Any]) -> str:
    if isinstance(value, bool | int | float):
        return f"expected text, got {_kind_of(value)}; put it in quotes"
    return f"expected text, got {_kind_of(value)}"


def _as_list(command: Any) -> str:
    """How a command that was written as in a shell is written here."""
    short = isinstance(command, str) and command.isprintable() and 0 < len(command.split()) <= 8
    return f"; write [{', '.join(command.split())}]" if short and len(command) < 60 else ""


def _literal(value: Any, context: Mapping[str, Any]) -> str:
    words = quoted_words(context["expected"])
    if isinstance(value, str):
        return unknown(value, words)
    return f"expected one of {', '.join(words)}; got {_kind_of(value)}"


def _pattern(value: Any, context: Mapping[str, Any]) -> str:
    what = SHAPES.get(context["pattern"], f"text like {context['pattern']}")
    return f"{quoted(value)} is not {what}"


def quoted_words(listed: str) -> list[str]:
    """The words of pydantic's `'a', 'b' or 'c'`."""
    return re.findall(r"'([^']*)'", listed)


def _kind_of(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, bool):
        return quoted(value)
    if isinstance(value, int | float):
        return f"the number {quoted(value)}"
    return quoted(value)


_list = _expected("a list")
_mapping = _expected("a mapping (key: value)")
_SENTENCES: Mapping[str, Callable[[Any, Mapping[str, Any]], str]] = {
    "string_type": _text,
    "bool_type": _expected("true or false"),
    "int_type": _expected("a whole number"),
    "int_from_float": _expected("a whole number"),
    "int_parsing": _expected("a whole number"),
    "float_type": _expected("a number"),
    "none_required": _expected("nothing"),
    "list_type": _list,
    "tuple_type": _list,
    "sequence_type": _list,
    "dict_type": _mapping,
    "mapping_type": _mapping,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "dataclass_type": _mapping,
    "dataclass_exact_type": _mapping,
    "literal_error": _literal,
    "string_pattern_mismatch": _pattern,
    "string_too_short": lambda value, context: "is empty",
    "string_too_long": lambda value, context: f"is too long; at most {context['max_length']} characters",
    "too_short": lambda value, context: f"has too few entries; at least {context['min_length']}",
    "too_long": lambda value, context: f"has too many entries; at most {context['max_length']}",
    "greater_than_equal": lambda value, context: f"{quoted(value)} is too low; at least {context['ge']}",
    "greater_than": lambda value, context: f"{quoted(value)} is too low; above {context['gt']}",
    "less_than_equal": lambda value, context: f"{quoted(value)} is too high; at most {context['le']}",
    "less_than": lambda value, context: f"{quoted(value)} is too high; below {context['lt']}",
}
