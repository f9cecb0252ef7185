"""Reads by string keys of what has a dataclass: orders and plans, and the data of events.

`python -m tests.house.reads [FOLDER]` lists them, and how many there are, of the checkout that FOLDER is the top of.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import LoadSpec, ProcessSpec, StateSpec, StepSpec, StopSpec

ROOT = Path(__file__).parents[2]
_ORDERS = frozenset({"order", "_order", "plan", "_plan", "work", "_work"})
"""What an order or a plan is called."""
_OF_OTHERS = frozenset({
    "analysis", "app", "arrivals", "body", "budget", "command", "connections", "control", "cwd", "digest",
    "env", "experiment", "fault", "headers", "holds", "hypothesis", "labels", "left_out", "load", "method",
    "name", "port", "probe", "processes", "python", "ready", "restart", "rules", "run_id", "sandbox",
    "secret", "seed", "series", "setup", "target", "timeout_s", "tolerance", "trial", "url", "user", "wall",
})  # fmt: skip
"""Names of fields that are keys of other things, too: of those only reads of an order or a plan count."""
_ELSEWHERE = ("chaos/faults/", "chaos/manifests/digests.py")
"""What a fault's helper is told is the fault's own; a manifest is hashed as it was written."""
_PARTS = (RunSpec, ProcessSpec, LoadSpec, StateSpec, StepSpec, StopSpec)
_KEYS = frozenset(field.name for part in _PARTS for field in fields(part)) - _OF_OTHERS


class Read(NamedTuple):
    """One of them."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def of_orders(root: Path = ROOT) -> list[Read]:
    """Of orders and plans: by what they are called, or by a key that only they have."""
    return [read for whole, key, read in _all(root) if _called(whole) in _ORDERS or key in _KEYS]


def of_events(root: Path = ROOT) -> list[Read]:
    """Of the data of events: `event.data["pid"]`, `data.get("pid")` where `data` is an event's."""
    return [
        read for whole, _, read in _all(root) if isinstance(whole, ast.Attribute) and whole.attr == "data"
    ]


def _all(root: Path) -> Iterator[tuple[ast.expr, str, Read]]:
    """What is read from, by which key, and where."""
    for path in sorted(path for room in ("chaos", "flows") for path in (root / room).rglob("*.py")):
        if str(path.relative_to(root)).startswith(_ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (found := _read(node)) is not None:
                whole, key = found
                text = ast.unparse(node)[:100]
                yield whole, key, Read(str(path.relative_to(root)), node.lineno, text)  # type: ignore[attr-defined]


def _read(node: ast.AST) -> tuple[ast.expr, str] | None:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        key: ast.expr = node.slice
        whole = node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("get", "pop")
        and node.args
    ):
        key, whole = node.args[0], node.func.value
    else:
        return None
    return (whole, key.value) if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _called(whole: ast.expr) -> str:
    return whole.attr if isinstance(whole, ast.Attribute) else whole.id if isinstance(whole, ast.Name) else ""


if __name__ == "__main__":
    top = Path(sys.argv[1]) if sys.argv[1:] else ROOT
    for what, found in (("orders", of_orders(top)), ("events", of_events(top))):
        print(*found, f"{what}: {len(found)}", sep="\n")
