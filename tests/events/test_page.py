"""docs/journal.md is what the dataclasses say, and the host writes what they have."""

import ast
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import get_args

import pytest

from chaos.events.codec import AgentEvent
from chaos.events.host import HostEvent
from chaos.events.schema import why_not

ROOT = Path(__file__).parents[2]
HOST = {kind.type: kind for kind in get_args(HostEvent)}


def test_the_page_is_the_one_of_the_dataclasses() -> None:
    command = [sys.executable, "scripts/journal_page.py", "--check", "docs/journal.md"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_every_event_is_on_it() -> None:
    page = (ROOT / "docs/journal.md").read_text("utf-8")
    assert all(f"### `{kind.type}`" in page for kind in (*get_args(AgentEvent), *get_args(HostEvent)))


def written() -> list[tuple[str, set[str], bool]]:
    """What the runner tells: type, keywords, and whether more comes by `**`."""
    found = []
    for path in sorted((ROOT / "chaos/runner").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tell":
                constants = [each.value for each in node.args if isinstance(each, ast.Constant)]
                keys = {each.arg for each in node.keywords if each.arg}
                found += [
                    (str(type_), keys, any(each.arg is None for each in node.keywords)) for type_ in constants
                ]
    return found


def test_the_host_tells_of_each_type_that_it_has() -> None:
    assert {type_ for type_, _, _ in written()} | {"journal.followed"} == set(HOST)


@pytest.mark.parametrize(("type_", "keys", "more"), written())
def test_whatever_the_host_tells_has_a_dataclass(type_: str, keys: set[str], more: bool) -> None:
    known = fields(HOST[type_])
    assert keys <= {field.name for field in known}
    required = {field.name for field in known if field.default is MISSING}
    assert required <= keys or more


@pytest.mark.parametrize(
    ("type_", "data", "why"),
    [
        ("run.ended", {"outcome": "completed", "why": "w"}, None),
        ("run.ended", {"outcome": "bored", "why": "w"}, "outcome is none of"),
        ("journal.followed", {"seq": 1, "silent_s": 0.1}, "lacks ahead_s"),
        ("sandbox.destroyed", {"destroyed": 1, "why": ""}, "destroyed is a number"),
    ],
)
def test_an_event_of_the_host_fits_or_is_told_why_not(
    type_: str, data: dict[str, object], why: str | None
) -> None:
    said = why_not(HOST[type_], data)
    assert said is None if why is None else why in str(said)
