"""A sandbox in a container of Docker or Podman: never privileged, without a network, our PID 1 in it.

The control connection is `ENGINE exec -i`, so that an engine on another machine does as well as one here: a relay of a
few lines inside copies its standard input and output to the socket of PID 1.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.namespaces.spec import IMAGE_ROOT
from chaos.sandboxes.container.engine import Engine, find
from chaos.sandboxes.container.image import beside
from chaos.sandboxes.container.ours import forget, keep, name_of
from chaos.sandboxes.container.start import command, options
from chaos.sandboxes.support.base import SandboxRef, Setup
from chaos.sandboxes.support.exchange import LINE_BYTES, Streams, text
from chaos.sandboxes.support.wired import WiredSandbox

_OPEN_WITHIN_S = 60.0
_RELAY = """
import os, socket, sys, threading, time
until = time.monotonic() + 15
while True:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect("/run/chaoslab/control.sock")
        break
    except OSError:
        s.close()
        if time.monotonic() > until:
            sys.exit("its PID 1 does not answer")
        time.sleep(0.01)
def out():
    while data := s.recv(1 << 16):
        view = memoryview(data)
        while view:
            view = view[os.write(1, view):]
    os._exit(0)
threading.Thread(target=out, daemon=True).start()
while data := os.read(0, 1 << 16):
    s.sendall(data)
"""


class ContainerSandbox(WiredSandbox):
    """A running container and one connection to its PID 1."""

    def __init__(self, ref: SandboxRef) -> None:
        super().__init__(ref, ref.facts.get("python", "python3"))
        self._engine = Engine(ref.facts["engine"])
        self._relay: asyncio.subprocess.Process | None = None

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
    ) -> "ContainerSandbox":
        """Start one and connect. Raises SandboxError with cause and remedy."""
        from chaos.settings import Settings

        settings = Settings()
        engine = await find(settings)
        base, user = settings.chaoslab_container_image, None
        if image is not None:
            user = await beside(engine, base, image)
        id_ = secrets.token_hex(6)
        order = {
            "memory_bytes": memory_bytes,
            "ttl_s": ttl_s,
            "lease_s": lease_s,
            "hosts": list(hosts),
            "image": user.config() if user else None,
        }
        box = cls(SandboxRef("container", id_, {"engine": engine.program, "container": name_of(id_)}))
        keep(id_, time.time() + ttl_s)
        wanted = options(id_, memory_bytes, disk_bytes, ttl_s, labels or {})
        await box._begin(engine.start(user.together if user else base, wanted, command(order)), image or base)
        facts: dict[str, Any] = {"image": image or base, "how": list(engine.notes)}
        if user:
            facts |= {"app": IMAGE_ROOT + user.workdir, "command": list(user.command)}
        box.ref = SandboxRef("container", id_, {**box.ref.facts, **facts})
        return box

    async def _begin(self, start: Coroutine[Any, Any, None], image: str) -> None:
        """Start it and hear its PID 1; what fails, or is cut off in the middle, leaves nothing. Raises SandboxError."""
        starting = asyncio.ensure_future(start)
        try:
            await asyncio.shield(starting)
            answer, _ = await self._call("ping", within_s=_OPEN_WITHIN_S)
            with self._believing():
                self.python = text(answer, "python")
        except BaseException as error:
            with contextlib.suppress(SandboxError):
                await asyncio.shield(starting)
            await asyncio.shield(self.destroy())
            if isinstance(error, SandboxLost):
                raise SandboxError(
                    f"a container of {image} started, and its PID 1 did not answer; has it a Python 3.11 or later?"
                ) from error
            raise
        facts = {key: value for key, value in answer.items() if key != "size"}
        self.ref = SandboxRef("container", self.ref.id, {**self.ref.facts, **facts})

    @classmethod
    async def connect(cls, ref: SandboxRef) -> "ContainerSandbox":
        """Find it again from any process that may speak to the engine. Raises SandboxLost when it has gone."""
        box = cls(ref)
        try:
            await box._call("ping", within_s=_OPEN_WITHIN_S)  # the engine begins a process for it, too
        except BaseException:
            await box.close()
            raise
        return box

    async def close(self) -> None:
        """See Sandbox."""
        await super().close()
        await self._end_relay()

    async def destroy(self) -> None:
        """See Sandbox. Raises SandboxError when it is still there."""
        self._hang_up()
        await self._end_relay()
        with contextlib.suppress(SandboxLost):
            await self._engine.call("rm", "--force", "--volumes", self._container)
        forget(self.ref.id)

    @property
    def _container(self) -> str:
        return str(self.ref.facts["container"])

    async def _dial(self) -> Streams:
        await self._end_relay()
        command = ["exec", "-i", self._container, self.python, "-I", "-S", "-c", _RELAY]
        self._relay = await asyncio.create_subprocess_exec(
            self._engine.program,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LINE_BYTES,
        )
        assert self._relay.stdin is not None
        assert self._relay.stdout is not None
        return self._relay.stdout, self._relay.stdin

    async def _end_relay(self) -> None:
        relay, self._relay = self._relay, None
        if relay is None:
            return
        with contextlib.suppress(ProcessLookupError):
            relay.kill()
        await relay.wait()
