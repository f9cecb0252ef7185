"""The schema of the agent's events against the agent itself: every `emit` in its source, and every journal of ours."""

import ast
import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import chaos
from chaos.events.codec import TYPES, check, decode
from chaos.events.samples import FaultMeasured, ProbeSampled

SOURCES = [
    path for part in ("agent", "faults") for path in Path(chaos.__file__).parent.joinpath(part).rglob("*.py")
]
JOURNALS = Path(__file__).parents[1] / "journals"
ABOUT = {"step", "fault"}
"""What `**about` stands for, where it is written."""
GENERIC = {"_emit", "emit"}


def emits() -> Iterator[tuple[str, str, set[str], bool]]:
    """Where, type, keywords, and whether more comes by `**`; a type that is no literal is its variable's name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in GENERIC and node.args:
                first = node.args[0]
                type_ = str(first.value) if isinstance(first, ast.Constant) else ast.unparse(first)
                keys = {each.arg for each in node.keywords if each.arg}
                spread = {ast.unparse(each.value) for each in node.keywords if each.arg is None}
                keys |= ABOUT if "about" in spread else set()
                yield f"{path.name}:{node.lineno}", type_, keys, bool(spread - {"about"})


WRITTEN = list(emits())


def test_the_agent_emits_what_can_be_read_here() -> None:
    assert len(WRITTEN) > 25


@pytest.mark.parametrize(("where", "type_", "keys", "more"), WRITTEN, ids=[each[0] for each in WRITTEN])
def test_whatever_the_agent_emits_has_a_schema(where: str, type_: str, keys: set[str], more: bool) -> None:
    if type_ == "what":  # `until_told` says which: see chaos.agent.lease
        return
    known = TYPES[type_]
    rest = getattr(known, "rest", "")
    names = {field.name for field in fields(known)}
    assert keys <= names - {rest} or rest, f"{where}: {type_} is emitted with {keys - names}"
    required = {
        field.name for field in fields(known) if field.default is field.default_factory and field.name != rest
    }
    assert required <= keys or more, f"{where}: {type_} lacks {required - keys}"


def test_every_type_of_the_schema_is_emitted() -> None:
    emitted = {type_ for _, type_, _, _ in WRITTEN} | {"stop.requested", "controller.lost", "journal.limited"}
    assert set(TYPES) <= emitted


def facts(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # torn: the last


NOT_AS_TODAY = {
    # Made up before these keys were written; our own journals are read as they are.
    "process.exited: lacks restart_in_s",
    "target.failed: has a key that is not known: 'process'",
}


@pytest.mark.parametrize("path", sorted(JOURNALS.glob("*.ndjson")), ids=lambda path: path.stem)
def test_journals_that_we_keep_fit(path: Path) -> None:
    whys = {check(fact["type"], fact["data"]) for fact in facts(path) if fact["source"] == "agent"}
    assert whys - NOT_AS_TODAY <= {None}


def test_an_event_becomes_its_dataclass() -> None:
    measured = decode("fault.measured", {"step": "s", "seen_ms": 2.0, "killed_pid": 10})
    assert measured == FaultMeasured(step="s", seen_ms=2.0, sample={"killed_pid": 10})
    look = {"probe": "up", "late_ms": 0.1, "took_ms": 2.0, "value": None, "error": "refused"}
    assert decode("probe.sampled", look) == ProbeSampled(**look)
    with pytest.raises(ValueError, match=r"probe\.sampled: lacks error"):
        decode("probe.sampled", {key: value for key, value in look.items() if key != "error"})
