"""One command in a microVM, and those who follow its output."""

import asyncio
import base64
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes.local.provider import LocalSandbox
from tests.doubles.e2b.frames import LAST, frame

_FIRST_PAUSE_S = 0.003
_LONGEST_PAUSE_S = 0.2
_GONE = {"code": "unavailable", "message": "the connection to sandbox ended before the stream completed"}
_LATE = {"code": "deadline_exceeded", "message": "context deadline exceeded"}


class Process:
    """A command begun by Start; it lives on when nobody follows it."""

    def __init__(
        self, box: LocalSandbox, pid: int, config: Mapping[str, Any], tag: str | None, files: str
    ) -> None:
        self.pid = pid
        self.config = config
        self.tag = tag
        self.end: dict[str, Any] | None = None
        self._box = box
        self._files = files
        self._read = {"stdout": 0, "stderr": 0}
        self._followers: set[asyncio.Queue[dict[str, Any] | None]] = set()
        self.task = asyncio.create_task(self._watch())

    @property
    def listed(self) -> dict[str, Any]:
        """As List names it."""
        return {"pid": self.pid, "config": dict(self.config)} | ({"tag": self.tag} if self.tag else {})

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """End this process; what it started lives on, as with the real one."""
        with contextlib.suppress(SandboxError):
            await self._box.run(["kill", f"-{number}", str(self.pid)], cwd="/")

    async def _watch(self) -> None:
        """Pass on what it writes, and how it ends. Looks less and less often while nothing happens."""
        pause_s = _FIRST_PAUSE_S
        try:
            while True:
                code = await self._box.exit_code(self.pid)
                if await self._pass_on():
                    pause_s = _FIRST_PAUSE_S
                if code is not None:
                    break
                await asyncio.sleep(pause_s)
                pause_s = min(1.5 * pause_s, _LONGEST_PAUSE_S)
        except SandboxLost:
            self._tell(None)
            return
        self.end = {"event": {"end": ended(code)}}
        self._tell(self.end)

    async def _pass_on(self) -> bool:
        some = False
        for name in ("stdout", "stderr"):
            if not self._followers:  # what nobody hears is lost
                return some
            data = await self._box.read(f"{self._files}.{name}", self._read[name])
            self._read[name] += len(data)
            for start in range(0, len(data), 32768):
                chunk = base64.b64encode(data[start : start + 32768]).decode()
                self._tell({"event": {"data": {name: chunk}}})
            some = some or bool(data)
        return some

    def _tell(self, event: dict[str, Any] | None) -> None:
        for queue in self._followers:
            queue.put_nowait(event)

    def follow(self, ping_s: float, timeout_s: float | None) -> AsyncIterator[bytes]:
        """Its frames from now on, with one now and then that says only that the line is open."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._followers.add(queue)
        return self._frames(queue, ping_s, timeout_s)

    async def _frames(self, queue: Any, ping_s: float, timeout_s: float | None) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        late = None if timeout_s is None else loop.time() + timeout_s
        try:
            yield frame({"event": {"start": {"pid": self.pid}}})
            if self.end and queue.empty():
                queue.put_nowait(self.end)
            while True:
                wait_s = ping_s if late is None else min(ping_s, late - loop.time())
                try:
                    event = await asyncio.wait_for(queue.get(), max(wait_s, 0))
                except TimeoutError:
                    if late is not None and loop.time() >= late:
                        yield frame({"error": _LATE}, LAST)
                        return
                    yield frame({"event": {"keepalive": {}}})
                    continue
                if event is None:
                    yield frame({"error": _GONE}, LAST)
                    return
                yield frame(event)
                if "end" in event["event"]:
                    yield frame({}, LAST)
                    return
        finally:
            self._followers.discard(queue)


def ended(code: int) -> dict[str, Any]:
    """As envd says how a command ended, in Go's words."""
    status = f"exit status {code}" if code >= 0 else f"signal: {signal.strsignal(-code).lower()}"
    end: dict[str, Any] = {"exitCode": max(code, -1), "exited": code >= 0, "status": status}
    return end | ({"error": status} if code else {})
