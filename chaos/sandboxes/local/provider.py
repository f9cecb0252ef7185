"""The embedded sandbox: Linux namespaces on this machine, built in some 40 ms, with no server and no image.

Host side of `chaos.namespaces`. One runtime directory per sandbox (0700, short because a socket lives in it) holds
spec, control socket, keeper's log and state; it is gone when the sandbox is gone.
"""

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError
from chaos.namespaces.spec import BoxSpec
from chaos.sandboxes.local.ending import end
from chaos.sandboxes.local.keeper import new_folder, start_keeper
from chaos.sandboxes.support.base import SandboxRef, Setup
from chaos.sandboxes.support.exchange import LINE_BYTES, Streams
from chaos.sandboxes.support.wired import CONNECTS_WITHIN_S, WiredSandbox


def programs() -> tuple[list[str], str]:
    """Host paths that a sandbox shows (system programs, this Python and its packages), and its PATH."""
    prefixes = [sys.prefix, sys.base_prefix]
    shown = ["/usr"] + [p for p in dict.fromkeys(prefixes) if not Path(p).resolve().is_relative_to("/usr")]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shown, ":".join([f"{p}/bin" for p in dict.fromkeys(prefixes)] + [system])


class LocalSandbox(WiredSandbox):
    """A running local sandbox and one connection to its PID 1."""

    def __init__(self, ref: SandboxRef) -> None:
        super().__init__(ref, sys.executable)
        self._folder = Path(ref.facts["folder"])

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
        setup: Setup | None = None,
    ) -> "LocalSandbox":
        """Build one and connect. Raises SandboxError with cause and remedy where the kernel does not allow it.

        Nobody lists local sandboxes by `labels`, so they are not kept.
        """
        if image is not None:
            raise SandboxError(f"a local sandbox runs no images, so not {image} either")
        wanted: dict[str, Any] = {
            "memory_bytes": memory_bytes,
            "disk_bytes": disk_bytes,
            "ttl_s": ttl_s,
            "lease_s": lease_s,
            "hosts": list(hosts),
        }
        try:
            return await cls._built(_spec(**wanted))
        except SandboxError:
            from chaos.settings import Settings  # 20 ms, and only where this machine refuses

            if os.geteuid() != 0 or not Settings().chaoslab_allow_degraded:
                raise
        return await cls._built(_spec(**wanted, may_lack=True))

    @classmethod
    async def _built(cls, spec: BoxSpec) -> "LocalSandbox":
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
        await box._call("ping", within_s=CONNECTS_WITHIN_S)
        return box

    async def destroy(self) -> None:
        """See Sandbox. From outside, whatever is inside; raises SandboxError when something of it is still there."""
        self._hang_up()
        await end(self._folder, self.ref.facts.get("keeper"))
        if self._folder.exists():
            raise SandboxError(f"local sandbox {self.ref.id}: {self._folder} cannot be removed")

    async def _dial(self) -> Streams:
        return await asyncio.open_unix_connection(str(self._folder / "control.sock"), limit=LINE_BYTES)


def _spec(**wanted: Any) -> BoxSpec:
    """One more sandbox, in a directory of its own. Raises SandboxError."""
    folder = new_folder()
    shown, path = programs()
    id_ = f"{folder.name.removeprefix('box-')}-{secrets.token_hex(3)}"
    return BoxSpec(id=id_, folder=str(folder), read_only=shown, path=path, **wanted)


def _ref(spec: BoxSpec, facts: Mapping[str, Any]) -> SandboxRef:
    return SandboxRef("local", spec.id, {**facts, "folder": spec.folder})
