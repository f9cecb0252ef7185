"""The embedded sandbox: Linux namespaces on this machine, built in some 40 ms, with no server and no image.

Host side of `chaos.nsbox`. One runtime directory per sandbox (0700, short because a socket lives in it) holds spec,
control socket, keeper's log and state; it is gone when the sandbox is gone.
"""

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.nsbox.spec import BoxSpec
from chaos.sandboxes.base import Completed, SandboxRef
from chaos.sandboxes.keeping import ended, new_folder, remove, start_keeper

_GONE_WITHIN_S = 10.0


def programs() -> tuple[list[str], str]:
    """Host paths that a sandbox shows (system programs, this Python and its packages), and its PATH."""
    prefixes = [sys.prefix, sys.base_prefix]
    shown = ["/usr"] + [p for p in dict.fromkeys(prefixes) if not Path(p).resolve().is_relative_to("/usr")]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shown, ":".join([f"{p}/bin" for p in dict.fromkeys(prefixes)] + [system])


class LocalSandbox:
    """A running local sandbox and one connection to its PID 1."""

    def __init__(self, ref: SandboxRef) -> None:
        self.ref = ref
        self.python = sys.executable
        self._folder = Path(ref.facts["folder"])
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    @classmethod
    async def open(
        cls,
        *,
        memory_bytes: int,
        disk_bytes: int,
        ttl_s: float,
        lease_s: float = 30.0,
        hosts: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        image: str | None = None,
    ) -> "LocalSandbox":
        """Build one and connect. Raises SandboxError with cause and remedy where the kernel does not allow it.

        Nobody lists local sandboxes by `labels`, so they are not kept.
        """
        if image is not None:
            raise SandboxError(f"a local sandbox runs no images, so not {image} either")
        folder = new_folder()
        shown, path = programs()
        spec = BoxSpec(
            id=f"{folder.name.removeprefix('box-')}-{secrets.token_hex(3)}",
            folder=str(folder),
            memory_bytes=memory_bytes,
            disk_bytes=disk_bytes,
            ttl_s=ttl_s,
            lease_s=lease_s,
            read_only=shown,
            hosts=list(hosts),
            path=path,
        )
        starting = asyncio.ensure_future(asyncio.to_thread(start_keeper, spec))
        try:
            return cls(_ref(spec, await asyncio.shield(starting)))
        except asyncio.CancelledError:
            # The thread cannot be cut off, and what it makes must not be left to nobody.
            with contextlib.suppress(SandboxError):
                await cls(_ref(spec, await asyncio.shield(starting))).destroy()
            raise

    @classmethod
    async def connect(cls, ref: SandboxRef) -> "LocalSandbox":
        """Find it again from any process of the same user. Raises SandboxLost when it has gone."""
        box = cls(ref)
        await box._call("ping")
        return box

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

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str) -> int:
        """See Sandbox."""
        answer, _ = await self._call("start", argv=list(argv), cwd=cwd, output=output)
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

    async def destroy(self) -> None:
        """See Sandbox. Raises SandboxError when something of it is still there."""
        self._hang_up()  # a request under way on that connection would be waited for
        with contextlib.suppress(SandboxError):
            await self._call("destroy")
        await self.close()
        if not await ended(self.ref.facts["keeper"], self._folder, _GONE_WITHIN_S):
            remove(self._folder)
        if self._folder.exists():
            raise SandboxError(f"local sandbox {self.ref.id}: {self._folder} cannot be removed")

    def _hang_up(self) -> None:
        if self._streams:
            self._streams[1].transport.abort()
            self._streams = None

    async def _call(self, op: str, data: bytes = b"", **request: Any) -> tuple[dict[str, Any], bytes]:
        async with self._turn:
            try:
                if self._streams is None:
                    self._streams = await _dial(self._folder)
                reader, writer = self._streams
                writer.write(json.dumps({"op": op, "size": len(data), **request}).encode() + b"\n" + data)
                await writer.drain()
                answer = json.loads(await reader.readuntil(b"\n"))
                body = await reader.readexactly(answer["size"])
            except (OSError, asyncio.IncompleteReadError) as error:
                raise SandboxLost(f"local sandbox {self.ref.id} has gone ({type(error).__name__})") from error
            except asyncio.CancelledError:
                self._hang_up()  # the answer that is still to come must not be taken for the next one
                raise
        if "error" in answer:
            raise SandboxError(f"local sandbox {self.ref.id}: {op}: {answer['error']}")
        return answer, body


def _ref(spec: BoxSpec, facts: Mapping[str, Any]) -> SandboxRef:
    return SandboxRef("local", spec.id, {**facts, "folder": spec.folder})


async def _dial(folder: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(str(folder / "control.sock"), limit=2**20)
