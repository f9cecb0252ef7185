"""A sandbox whose PID 1 is ours (`chaos.namespaces.init`): the verbs as requests over one connection.

How to get a connection is all that a provider of this kind adds: `_dial` opens one, `_hang_up` drops it. Every request
has a time limit on this side, whatever is on the other: who does not answer in time is lost.
"""

import asyncio
import contextlib
import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes.support.base import Completed, SandboxRef
from chaos.sandboxes.support.exchange import LINE_BYTES, Forged, Streams, exchange, number, text

__all__ = ["LINE_BYTES", "Streams", "WiredSandbox"]

ANSWERS_WITHIN_S = 8.0
"""A PID 1 that does nothing but answer, on a machine that is very busy. Less than the 10 s of a silent agent."""
CONNECTS_WITHIN_S = 20.0
"""For the first answer: an engine may have to be started."""
_SLOWEST_BYTES_S = 2 * 2**20
"""What is sent or asked for takes longer, but no longer than at this pace."""
_LONGEST_WORDS = 10_000
"""Characters of what went wrong in there."""
MOST_READ = 16 * 2**20
"""Bytes of a file that is read without a limit."""
MOST_OUTPUT = 4 * 2**20
"""Bytes of a command's standard output; PID 1 keeps no more of it, either."""


class WiredSandbox(ABC):
    """The verbs of `Sandbox`, but for opening and destroying."""

    def __init__(self, ref: SandboxRef, python: str) -> None:
        self.ref = ref
        self.python = python
        self._streams: Streams | None = None
        self._turn = asyncio.Lock()

    @abstractmethod
    async def _dial(self) -> Streams:
        """A connection to PID 1. Raises OSError, or SandboxError when it is known why there is none."""

    async def put(self, path: str, data: bytes, *, mode: int = 0o644, exclusive: bool = False) -> bool:
        """See Sandbox."""
        try:
            await self._call("put", data, path=path, mode=mode, exclusive=exclusive)
        except SandboxError as error:
            if exclusive and error.errno == errno.EEXIST:
                return False
            raise
        return True

    async def unpack(self, path: str, archive: bytes) -> None:
        """See Sandbox."""
        await self._call("unpack", archive, path=path)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/app",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Completed:
        """See Sandbox."""
        request: dict[str, Any] = {"argv": list(argv), "cwd": cwd, "env": dict(env or {})}
        within_s = timeout_s + ANSWERS_WITHIN_S
        answer, out = await self._call(
            "run", within_s=within_s, most_bytes=MOST_OUTPUT, timeout_s=timeout_s, **request
        )
        with self._believing():
            return Completed(number(answer, "exit_code"), out, text(answer, "stderr"))

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str, given: bytes = b"") -> int:
        """See Sandbox."""
        answer, _ = await self._call("start", given, argv=list(argv), cwd=cwd, output=output)
        with self._believing():
            return number(answer, "pid")

    async def exit_code(self, pid: int) -> int | None:
        """See Sandbox."""
        answer, _ = await self._call("exit_code", pid=pid)
        with self._believing():
            return None if answer.get("exit_code", 0) is None else number(answer, "exit_code")

    async def read(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        """See Sandbox."""
        most = limit if limit >= 0 else MOST_READ
        _, data = await self._call("read", most_bytes=most, path=path, offset=offset, limit=most)
        return data

    async def close(self) -> None:
        """See Sandbox."""
        if self._streams:
            self._streams[1].close()
            with contextlib.suppress(OSError):
                await self._streams[1].wait_closed()
            self._streams = None

    def _hang_up(self) -> None:
        """Drop the connection without a word."""
        streams, self._streams = self._streams, None
        if streams and not streams[1].is_closing():
            streams[1].transport.abort()

    async def _call(
        self,
        op: str,
        data: bytes = b"",
        *,
        within_s: float = ANSWERS_WITHIN_S,
        most_bytes: int = 0,
        **request: Any,
    ) -> tuple[dict[str, Any], bytes]:
        """The answer to one request, and the bytes that were asked for. Raises SandboxError, or SandboxLost."""
        within_s += (len(data) + most_bytes) / _SLOWEST_BYTES_S
        async with self._turn:
            try:
                async with asyncio.timeout(within_s):
                    if self._streams is None:
                        self._streams = await self._dial()
                    answer, body = await exchange(self._streams, {"op": op, **request}, data, most_bytes)
            except TimeoutError as error:
                self._hang_up()
                raise SandboxLost(f"{self._named} did not answer within {within_s:.0f} s ({op})") from error
            except (OSError, asyncio.IncompleteReadError) as error:
                self._hang_up()
                raise SandboxLost(f"{self._named} has gone ({type(error).__name__})") from error
            except Forged as error:
                raise self._lost(error) from error
            except asyncio.CancelledError:
                self._hang_up()  # the answer that is still to come must not be taken for the next one
                raise
        if "error" in answer:
            code = answer.get("errno")
            words = f"{self._named}: {op}: {str(answer['error'])[:_LONGEST_WORDS]}"
            raise SandboxError(words, errno=code if type(code) is int else None)
        return answer, body

    @contextlib.contextmanager
    def _believing(self) -> Iterator[None]:
        """What is read of an answer is what we asked for. Raises SandboxLost when it is not."""
        try:
            yield
        except Forged as error:
            raise self._lost(error) from error

    def _lost(self, error: Forged) -> SandboxLost:
        self._hang_up()
        return SandboxLost(f"{self._named} answered as no PID 1 of ours would: {error}")

    @property
    def _named(self) -> str:
        return f"{self.ref.type} sandbox {self.ref.id}"
