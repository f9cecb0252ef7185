"""Client of the renderer process, which is started for the first template and serves all of a command.

It has nothing of this process: no environment, no place to import from but Jinja's and ours, the root as its directory.
What takes too much of a processor, stands still, or answers too much is killed; the next template gets a new one.
"""

import atexit
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from chaos.errors import PublishError
from chaos.publish.templates.child import LENGTH

MOST_S = 2.0
"""Of a processor's time that a template may take, however busy the machine is; ours take 10 ms."""
STANDS_STILL_S = 60.0
"""So long by the clock for those: no template waits for anything, so that one which has not ended then was stopped."""
MOST_MEMORY_BYTES = 512 * 1024 * 1024
"""Of the whole process, Python included: RLIMIT_AS."""
_READY_WITHIN_S = 30.0
_MOST_WORDS = 1000
_MOST_ANSWER_BYTES = 32 * 1024 * 1024
_START = (
    "import sys; sys.path += sys.argv[3:]; from chaos.publish.templates.child import main;"
    "sys.argv[3:] = []; main()"
)
_LOCK = threading.Lock()


def render(template: Path, ours: Path, known: Mapping[str, Any]) -> str:
    """What a stranger's template makes of what it may know, which is plain data.

    `ours` is the folder of templates that all may use. Raises PublishError: file, line and why.
    """
    request = {"template": str(template), "ours": str(ours), "known": known}
    with _LOCK:
        answer = _child().ask(request)
    if "text" in answer:
        return str(answer["text"])
    raise PublishError(_inert(f"{answer.get('place') or template}: {answer['why']}"))


def _inert(said: str) -> str:
    """On one line, not endless, and without what a terminal would obey: a template chooses its words."""
    shown = " ".join(said.split())[:_MOST_WORDS]
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in shown)


class _Child:
    """One of them, and the pipes to it."""

    def __init__(self) -> None:
        packages = ("chaos", "jinja2", "markupsafe")
        places = dict.fromkeys(str(_place(name)) for name in packages)
        command = [sys.executable, "-I", "-S", "-c", _START, str(MOST_S), str(MOST_MEMORY_BYTES), *places]
        try:
            self._process = subprocess.Popen(
                command,
                cwd="/",
                env={},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for us
            )
        except OSError as error:
            raise PublishError(f"cannot start what renders templates: {error.strerror}") from error
        self.owner = os.getpid()
        if self._answer(_READY_WITHIN_S) is None:
            self.end()
            raise PublishError("what renders templates did not start")

    @property
    def lives(self) -> bool:
        return self.owner == os.getpid() and self._process.poll() is None

    def ask(self, request: Mapping[str, Any]) -> Mapping[str, str]:
        """Its answer, or why there is none: then it is no more. Raises PublishError when it cannot be asked."""
        data = json.dumps(request).encode()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(LENGTH.pack(len(data)) + data)
            self._process.stdin.flush()
        except OSError as error:
            self.end()
            raise PublishError(f"what renders templates has ended: {error.strerror}") from error
        began = monotonic()
        answer = self._answer(STANDS_STILL_S)
        if answer is not None:
            return answer
        stood_still = monotonic() - began >= STANDS_STILL_S
        self.end()
        if stood_still:
            return {"why": f"no answer within {STANDS_STILL_S:g} s"}
        if self._process.returncode == -signal.SIGXCPU:
            return {"why": f"takes longer than {MOST_S:g} s of a processor's time"}
        return {"why": "needs too much memory, or more than Python can do"}

    def end(self) -> None:
        """Nothing is lost with it."""
        if self.owner_is_other():
            return
        self._process.kill()
        self._process.communicate()

    def owner_is_other(self) -> bool:
        """Whether it is our parent's, from before we were forked."""
        return getattr(self, "owner", os.getpid()) != os.getpid()

    def _answer(self, within_s: float) -> Mapping[str, str] | None:
        """The next message; None when it does not come, or is too long."""
        until = monotonic() + within_s
        head = self._received(LENGTH.size, until)
        size = LENGTH.unpack(head)[0] if head is not None else _MOST_ANSWER_BYTES + 1
        data = self._received(size, until) if size <= _MOST_ANSWER_BYTES else None
        if data is None:
            return None
        found: Mapping[str, str] = json.loads(data.decode(errors="surrogatepass"))
        return found

    def _received(self, size: int, until: float) -> bytes | None:
        assert self._process.stdout is not None
        descriptor, data = self._process.stdout.fileno(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while len(data) < size:
                left_s = until - monotonic()
                if left_s <= 0 or not selector.select(left_s):
                    return None
                if not (part := os.read(descriptor, min(size - len(data), 2**20))):
                    return None
                data += part
        return bytes(data)


def _place(package: str) -> Path:
    """The folder that Python would import it from."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).resolve().parents[1]


_current: _Child | None = None


def _child() -> _Child:
    """The one of this process, started when there is none."""
    global _current
    if _current is None or not _current.lives:
        if _current is not None:
            _current.end()
        _current = _Child()
    return _current


@atexit.register
def _end() -> None:
    if _current is not None:
        _current.end()
