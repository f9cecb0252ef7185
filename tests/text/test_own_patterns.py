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
from chaos.text.deferred import Deferred

GROWS = ((1_000, 0.0005), (4_000, 0.006), (8_000, 0.03))
"""Characters, and seconds of processor time that all of them must exceed: with the square of the length it would be
1 ms, 17 ms, 67 ms for the cheapest of such patterns; what is linear is below 0.1 ms, 0.4 ms, 1 ms."""
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
    "chaos.planning.app_secrets._NAMED": "match",
    "chaos.planning.app_secrets._SHOWN": "match",
    "chaos.text.secrecy._SAYS_SO": "fullmatch",
    "chaos.faults.http.messages._REQUEST_LINE": "fullmatch",
    "chaos.gitops.forges._SCP": "fullmatch",
    "chaos.gitops.repository.source._BRANCH": "fullmatch",
    "chaos.gitops.repository.source._SCP": "fullmatch",
    "flows.server.process._ERROR": "match",
}
"""How those are used that would be quadratic as a search."""
SHORT = {
    "chaos.explain.prose._ADDRESS": 320,
    "chaos.planning.app_secrets._NAMED": 255,
    "chaos.planning.app_secrets._SHOWN": 255,
}
"""Of those that only see so many characters: LONGEST_SENTENCE, and what a file may be called (NAME_MAX)."""


def modules() -> Iterator[ModuleType]:
    for package in (chaos, flows):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith(("__main__", "agent.main")):
                yield importlib.import_module(found.name)


def patterns(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    if isinstance(value, Deferred):
        yield name, value.compiled()
    elif isinstance(value, re.Pattern):
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
    assert not [
        (name, piece) for name, pattern in ours.values() for piece in PIECES if is_slow(name, pattern, piece)
    ]


def is_slow(name: str, pattern: "re.Pattern[Any]", piece: str) -> bool:
    return all(took_s(name, pattern, piece, length) > limit_s for length, limit_s in GROWS)


def took_s(name: str, pattern: "re.Pattern[Any]", piece: str, length: int) -> float:
    search = getattr(pattern, ANCHORED.get(name, "search"))
    text: Any = (piece * length)[: SHORT.get(name, length)] + "!"
    text = text.encode() if isinstance(pattern.pattern, bytes) else text
    began = time.process_time()
    search(text)
    return time.process_time() - began


def test_a_quadratic_one_would_be_found() -> None:
    assert is_slow("x", re.compile(r"\w+Error\b", re.IGNORECASE), "a")
    assert is_slow("x", re.compile(rb"[a-zA-Z][a-zA-Z0-9+.-]*://"), "a")
    assert not is_slow("x", re.compile(r"\b\w+Error\b", re.IGNORECASE), "a")
