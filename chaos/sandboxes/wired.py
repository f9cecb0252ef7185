"""A sandbox whose PID 1 is ours (`chaos.nsbox.init`): the verbs as requests over one connection.

How to get a connection is all that a provider of this kind adds: `_dial` opens one, `_hang_up` drops it.
"""

import asyncio
import contextlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes.base import Completed, SandboxRef

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LINE_BYTES = 2**20
"""The longest line of an answer."""


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
            if exclusive and "FileExistsError" in str(error):
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
        answer, out = await self._call(
            "run", argv=list(argv), cwd=cwd, env=dict(env or {}), timeout_s=timeout_s
        )
        return Completed(answer["exit_code"], out, answer["stderr"])

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str, given: bytes = b"") -> int:
        """See Sandbox."""
        answer, _ = await self._call("start", given, argv=list(argv), cwd=cwd, output=output)
        return int(answer["pid"])

    async def exit_code(self, pid: int) -> int | None:
        """See Sandbox."""
        answer, _ = await self._call("exit_code", pid=pid)
        code = answer["exit_code"]
        return None if code is None else int(code)

    async def read(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        """See Sandbox."""
        _, data = await self._call("read", path=path, offset=offset, limit=limit)
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

    async def _call(self, op: str, data: bytes = b"", **request: Any) -> tuple[dict[str, Any], bytes]:
        async with self._turn:
            try:
                if self._streams is None:
                    self._streams = await self._dial()
                reader, writer = self._streams
                writer.write(json.dumps({"op": op, "size": len(data), **request}).encode() + b"\n" + data)
                await writer.drain()
                answer = json.loads(await reader.readuntil(b"\n"))
                body = await reader.readexactly(answer["size"])
            except (OSError, asyncio.IncompleteReadError) as error:
                raise SandboxLost(f"{self._named} has gone ({type(error).__name__})") from error
            except asyncio.CancelledError:
                self._hang_up()  # the answer that is still to come must not be taken for the next one
                raise
        if "error" in answer:
            raise SandboxError(f"{self._named}: {op}: {answer['error']}")
        return answer, body

    @property
    def _named(self) -> str:
        return f"{self.ref.type} sandbox {self.ref.id}"
