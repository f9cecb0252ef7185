"""Secret-looking files of an app: what is said of those that are not copied."""

import re
from collections.abc import Iterator, Mapping, Sequence
from posixpath import normpath, relpath
from typing import Any

_SHOWN = 5
_REASON = "looking like secrets that git does not track"
_REMEDY = "git add what the app needs of it"


def sentence(left_out: Sequence[str], work: Mapping[str, Any]) -> str:
    """One sentence: which, why, and who names one of them; empty when there are none. `work` as in a plan."""
    if not left_out:
        return ""
    shown = ", ".join(map(_quoted, left_out[:_SHOWN]))
    more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
    named = "; ".join(f"{who} names {_quoted(name)}" for who, name in _named(left_out, work))
    return f"left out, {_REASON}: {shown}{more}{f'; {named}' if named else ''} ({_REMEDY})"


def _named(left_out: Sequence[str], work: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whose command names which of them."""
    for command in work["setup"]:
        yield from (("setup", name) for name in left_out if _names(command, name))
    for process in work["processes"]:
        cwd = normpath(process.get("cwd") or ".")
        for name in left_out:
            if _names(process["command"] or (), name, relpath(name, cwd)):
                yield f"process '{process['name']}'", name


def _names(command: Sequence[str], *names: str) -> bool:
    words = "|".join(re.escape(name) for name in names)
    pattern = re.compile(rf"(?<![\w.-])(?:\./|/app/)?(?:{words})(?![\w.-])")
    return any(pattern.search(argument) for argument in command)


def _quoted(name: str) -> str:
    return name if name.isprintable() else ascii(name)
