"""Append events to the journal inside the sandbox; from any thread, one whole line a write, signed, up to a limit."""

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from chaos.events import Clock, Event
from chaos.events.signing import SignatureChain
from chaos.text.masker import Masker

LIMIT_BYTES = 256 * 2**20
"""The most that a journal takes of the sandbox's disk."""
_LOGS_SHARE = 0.25
"""Of it, what the app's output may take: an app that talks must not end the run."""
_ERRORS_SHARE = 1 / 16
"""Of it, what errors in that output may take when the rest has taken its share."""
_RESERVE = 1 / 64
"""Of it, what is kept for the last words of a run that has reached it."""
_LINE_BYTES = 2**20 - 2**10
"""The longest line; see `chaos.runner.gate`, which takes none that is longer."""
_CLIPPED = 4096
"""Characters of a text in a line that would be longer; less, when that is still too much."""
_SAMPLES = frozenset({"load.sampled", "probe.sampled", "usage.sampled", "fault.measured", "log.captured"})


class Record:
    """The open journal. A line is written with one call, so a reader sees at most one torn line: the last.

    With a key every line is signed. What the limit leaves out is counted, and said by `journal.limited`; `on_full` is
    called once, from whichever thread it happens in.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        key: bytes = b"",
        limit_bytes: int = LIMIT_BYTES,
        masker: Masker | None = None,
    ) -> None:
        self.clock = clock
        self.masked = masker or Masker()
        """What no line may hold is taken out here; who cuts a text short masks it before that."""
        self.on_full: Callable[[str], object] = lambda _why: None
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._lock = threading.Lock()
        self._chain = SignatureChain(key) if key else None
        self._seq = 0
        self._limit = limit_bytes
        self._reserve = int(limit_bytes * _RESERVE)
        self._left = limit_bytes - self._reserve
        self._left_for_logs = int(limit_bytes * _LOGS_SHARE)
        self._left_for_errors = int(limit_bytes * _ERRORS_SHARE)
        self._left_out = {"logs": 0, "samples": 0}

    def emit(self, type_: str, at: float | None = None, /, **data: Any) -> None:
        """Write one fact; `at` is Unix seconds, now by default."""
        data = self.masked.data(data)
        with self._lock:
            if type_ == "agent.ended":
                for what, count in self._left_out.items():
                    if count:
                        self._write("journal.limited", None, self._limited(what))
            full = self._left <= 0
            if full and (type_ in _SAMPLES or (self._left < -self._reserve and type_ != "agent.ended")):
                self._left_out["samples"] += 1
            elif type_ == "log.captured":
                self._write_line(at, data)
            else:
                self._write(type_, at, data)
        if self._left <= 0 and not full:
            self.on_full(f"the journal has reached its limit of {self._limit / 2**20:g} MiB")

    def _write_line(self, at: float | None, data: dict[str, Any]) -> None:
        """One line of the app's, while there is room for it: for errors there is some of their own."""
        if self._left_for_logs > 0:
            self._left_for_logs -= self._write("log.captured", at, data)
        elif data.get("level") in ("error", "more") and self._left_for_errors > 0:
            self._left_for_errors -= self._write("log.captured", at, data)
        else:
            self._leave_out_line()

    def _leave_out_line(self) -> None:
        """Say it once, where the reader of the log sees it; how many there were is said at the end."""
        self._left_out["logs"] += 1
        if self._left_out["logs"] == 1:
            self._write("journal.limited", None, self._limited("logs"))

    def _limited(self, what: str) -> dict[str, Any]:
        return {"what": what, "left_out": self._left_out[what], "limit_bytes": self._limit}

    def _write(self, type_: str, at: float | None, data: dict[str, Any]) -> int:
        self._seq += 1
        moment = self.clock.now() if at is None else at
        line = Event(type_, moment, data, "agent", self._seq).to_line()
        if b"\\ud" in line:
            data = _clipped(data, len(line), len(line))
            line = Event(type_, moment, data, "agent", self._seq).to_line()
        most = _CLIPPED
        while len(line) > _LINE_BYTES:
            line = Event(type_, moment, _clipped(data, most, most // 16), "agent", self._seq).to_line()
            most //= 4
        if self._chain is not None:
            line = self._chain.sign(line[:-1]) + b"\n"
        os.write(self._file, line)
        self._left -= len(line)
        return len(line)


def _clipped(data: Any, characters: int, entries: int) -> Any:
    """The same, texts and collections no longer than that, and half surrogates (of names that are no text) replaced."""
    if isinstance(data, str):
        whole = data.encode("utf-8", "replace").decode()
        return whole if len(whole) <= characters else whole[:characters] + "…"
    if isinstance(data, Mapping):
        kept = list(data.items())[:entries]
        return {_clipped(key, characters, entries): _clipped(each, characters, entries) for key, each in kept}
    if isinstance(data, list | tuple):
        return [_clipped(each, characters, entries) for each in data[:entries]]
    return data
