"""One attempt: a function that returns what it reached, or is refused; in a process of its own, with a time limit."""

import contextlib
import errno
import json
import os
import select
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

TIMEOUT_S = 4.0
LONGEST_WORDS = 600
ANYBODY, ROOT, USER = "anybody", "root", "user"
"""Who may be outside, of the sandbox without a wall: ROOT with ids and control groups, USER with the one id."""


class Refused(Exception):
    """The attempt reached nothing; the words say how it was noticed."""


@dataclass(frozen=True)
class Attempt:
    """What is tried, and of which kind it is."""

    name: str
    kind: str
    act: Callable[[], str]
    open_to: str
    """For whom the very same function reaches something where there is no wall, which a test shows; else empty."""
    honest: bool

    @property
    def about(self) -> str:
        """The first line of what the function says of itself."""
        return (self.act.__doc__ or "").strip().splitlines()[0]


ATTEMPTS: dict[str, Attempt] = {}


def attempt(kind: str, *, open_to: str = "") -> Callable[[Callable[[], str]], Callable[[], str]]:
    """Register a function as an attempt; `open_to` whom, where there is no wall, on any kernel that runs sandboxes."""
    return _registering(kind, open_to, honest=False)


def honest(function: Callable[[], str]) -> Callable[[], str]:
    """Register what an honest app needs: it returns what it has seen to work."""
    return _registering("honest", "", honest=True)(function)


def _registering(kind: str, open_to: str, honest: bool) -> Callable[[Callable[[], str]], Callable[[], str]]:
    def register(function: Callable[[], str]) -> Callable[[], str]:
        name = function.__name__.removeprefix("_")
        assert name not in ATTEMPTS, name
        assert function.__doc__, name
        ATTEMPTS[name] = Attempt(name, kind, function, open_to, honest)
        return function

    return register


def carry_out(each: Attempt, timeout_s: float = TIMEOUT_S) -> dict[str, object]:
    """Do it in a child of ours; what came of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _do(each, writing)
    os.close(writing)
    answer = _answer(reading, timeout_s)
    os.close(reading)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answer == {}:  # it died: of a filter, of a limit, of what its processor refused
        how = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        answer = {"reached": False, "said": f"ended by {how}"}
    return {"name": each.name, "kind": each.kind, **answer}


def _do(each: Attempt, writing: int) -> None:
    """In the child: never returns."""
    try:
        answer = outcome(each.act)
        os.write(writing, json.dumps(answer).encode())
    finally:
        os._exit(0)


def outcome(act: Callable[[], str]) -> dict[str, object]:
    """`{"reached": …, "said": …}` of a function that returns what it reached."""
    try:
        return {"reached": True, "said": act()[:LONGEST_WORDS]}
    except Refused as refused:
        said = str(refused)
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, str(error.errno))
        said = f"{code} {error.filename or ''}".strip()
    except Exception as error:  # noqa: BLE001  an attempt that breaks is a mistake of ours: never taken for a refusal
        return {"reached": None, "said": f"broken: {type(error).__name__}: {error}"[:LONGEST_WORDS]}
    return {"reached": False, "said": said[:LONGEST_WORDS]}


def _answer(reading: int, timeout_s: float) -> dict[str, object]:
    """What it said; empty when it died without a word. No end is no refusal."""
    ready, _, _ = select.select([reading], [], [], timeout_s)
    if not ready:
        return {"reached": None, "said": f"broken: no end within {timeout_s:g} s"}
    text = os.read(reading, 65536)
    return dict(json.loads(text)) if text else {}


def tell(answer: dict[str, object]) -> None:
    """One line, at once."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
