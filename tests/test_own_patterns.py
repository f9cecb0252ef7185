"""Every regular expression of our own, on texts that strangers may write: none takes time with the square of them."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import chaos
import flows

LENGTH = 2_000
WITHIN_S = 0.03
"""Processor time. What is linear takes a millisecond at most, what is quadratic a tenth of a second."""
PIECES = (
    *("a", "1", " ", "-", "_", ".", ":", "@", "/", "=", "\\", "'", '"', "{", "[", "(", "<", "\n", "é"),
    *(
        "a.",
        "a-",
        "a:",
        "1.",
        "1:",
        "a@",
        "a ",
        "1 ",
        "0",
        "00:",
        "a, ",
        "1,",
        "1e",
        "% ",
        "x=",
        'a="',
        "x://",
        "x://:",
    ),
    *(
        "token",
        "token:",
        "secret=",
        "-----BEGIN KEY",
        "bearer ",
        "eyJ",
        "eyJ.",
        "identified by ",
        "--password",
        "sk-",
    ),
    *(
        "Error",
        "retry",
        "attempt ",
        "try",
        "error",
        "fail",
        "is ",
        "pwd is",
        "cookie ",
        "per ",
        "of the ",
        "s ",
    ),
    *("\x1b[", "\x1b]", "$(", "${a", "$", "[[", "rate(", "ab1"),
)
ANCHORED = {
    "chaos.analyzers.binding._BOUND_AFTER": "match",
    "chaos.analyzers.binding._PART_OF": "fullmatch",
    "chaos.faults.web.messages._REQUEST_LINE": "fullmatch",
    "chaos.gitops.forges._SCP": "fullmatch",
    "chaos.gitops.source._BRANCH": "fullmatch",
    "chaos.gitops.source._SCP": "fullmatch",
    "flows.background._ERROR": "match",
}
"""How those are used that would be quadratic as a search."""
SHORT = {"chaos.analyzers.prose._ADDRESS": 320}
"""Of those that only see so many characters (LONGEST_SENTENCE)."""


def modules() -> Iterator[ModuleType]:
    for package in (chaos, flows):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(("__main__", "agent.main")):
                yield importlib.import_module(found.name)


def patterns(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, dict) and depth < 3:
        yield from patterns(name, tuple(value.values()), depth + 1)
    elif isinstance(value, tuple | list | set | frozenset) and depth < 3:
        for each in value:
            yield from patterns(name, each, depth + 1)


def test_none_takes_time_with_the_square_of_a_text() -> None:
    ours = {
        pattern.pattern: (name, pattern)
        for module in modules()
        for key, value in list(vars(module).items())
        for name, pattern in patterns(f"{module.__name__}.{key}", value)
    }
    assert len(ours) > 80
    slow = []
    for name, pattern in ours.values():
        search = getattr(pattern, ANCHORED.get(name, "search"))
        for piece in PIECES:
            text: Any = (piece * LENGTH)[: SHORT.get(name, LENGTH)] + "!"
            text = text.encode() if isinstance(pattern.pattern, bytes) else text
            began = time.process_time()
            search(text)
            if (took_s := time.process_time() - began) > WITHIN_S:
                slow.append((name, piece, round(took_s, 2)))
    assert not slow
