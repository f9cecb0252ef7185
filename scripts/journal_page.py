#!/usr/bin/env python3
"""docs/journal.md: every event of a run's journal with its fields, made from the dataclasses in chaos/events.

`python scripts/journal_page.py > docs/journal.md`; with `--check FILE` it says whether FILE is stale.
"""

import inspect
import sys
import types
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from chaos.events.codec import AgentEvent
from chaos.events.host import HostEvent
from chaos.events.schema import Fields, Flag, Listed, Mapped, Number, OneOf, Plain, Text, Whole
from chaos.manifests.schema import sentences

_BEGIN = """# The journal: every event of a run

Made by `python scripts/journal_page.py` from the dataclasses in `chaos/events`; do not edit.

A journal is NDJSON, append-only, one event a line:

```json
{"seq": 7, "at": 1763812345.123456, "source": "agent", "type": "fault.injected", "data": {"step": "slow network"}}
```

`at` is Unix seconds, taken from a monotonic clock that was set once, so that a step of the clock reorders nothing.
Units are in the names of fields. A run of several trials is written one after the other: each begins with `run.started`
and ends with `run.ended`. What the agent writes is held against these types, field by field, before it is copied from
the sandbox; a line that does not fit is the end of the run ([security.md](security.md)).
"""


def page() -> str:
    """All of it."""
    parts = [_BEGIN, "## Of the host\n", *_events(HostEvent), "## Of the agent\n", *_events(AgentEvent)]
    return "\n".join(parts).rstrip() + "\n"


def _events(union: Any) -> Iterator[str]:
    for kind in sorted(get_args(union), key=lambda kind: str(kind.type)):
        yield f"### `{kind.type}`\n"
        if (said := inspect.getdoc(kind)) and not said.startswith(f"{kind.__name__}("):
            yield f"{' '.join(said.split())}\n"
        yield "| field | is | |"
        yield "|---|---|---|"
        yield from _rows(kind, "")
        yield ""


def _rows(kind: Any, before: str) -> Iterator[str]:
    """A line for each field; those of a mapping of fields follow it."""
    hints, said = get_type_hints(kind, include_extras=True), sentences(kind)
    for field in fields(kind):
        hint = hints[field.name]
        rule, empty = _rule(hint)
        may = "" if field.default is MISSING and field.default_factory is MISSING else "may be absent; "
        words = " ".join((said.get(field.name) or "").split())
        name = "…" if field.name == getattr(kind, "rest", "") else field.name
        yield f"| `{before}{name}` | {may}{_words(rule)}{' or null' if empty else ''} | {words} |".replace(
            "|  |", "| |"
        )
        inner, step = (rule.of, ".NAME") if isinstance(rule, Mapped) else (rule, "")
        if isinstance(inner, Fields):
            yield from _rows(inner.of, f"{before}{name}{step}.")


def _rule(hint: Any) -> tuple[Any, bool]:
    """The rule of an annotation, and whether null fits, too."""
    if get_origin(hint) in (Union, types.UnionType):
        (one,) = (each for each in get_args(hint) if each is not type(None))
        return _rule(one)[0], True
    assert get_origin(hint) is Annotated, hint
    return get_args(hint)[1], False


def _words(rule: Any) -> str:
    match rule:
        case OneOf(words):
            return ", ".join(f"`{word}`" for word in words)
        case Text():
            return "a text"
        case Whole(least, _):
            return "a whole number" if least < 0 else f"a whole number from {least}"
        case Number():
            return "a number"
        case Flag():
            return "true or false"
        case Listed(of, _):
            return f"a list, each {_words(of)}"
        case Mapped(of, _):
            return f"a mapping of names, each to {_words(of)}"
        case Fields():
            return "a mapping"
        case Plain():
            return "any JSON"
    raise TypeError(rule)


def main(arguments: Sequence[str]) -> int:
    """Print it, or say whether a file is it."""
    if arguments[:1] != ["--check"]:
        sys.stdout.write(page())
        return 0
    if Path(arguments[1]).read_text("utf-8") == page():
        return 0
    sys.stderr.write(f"{arguments[1]} is stale; python scripts/journal_page.py > {arguments[1]}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
