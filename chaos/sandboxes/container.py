"""A sandbox in a container of Docker or Podman: never privileged, without a network, our PID 1 in it.

The control connection is `ENGINE exec -i`, so that an engine on another machine does as well as one here: a relay of a
few lines inside copies its standard input and output to the socket of PID 1.
"""

import asyncio
import base64
import contextlib
import io
import json
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.errors import SandboxError, SandboxLost
from chaos.nsbox.spec import IMAGE_ROOT
from chaos.sandboxes.base import SandboxRef
from chaos.sandboxes.container_engine import Engine, find
from chaos.sandboxes.container_image import beside
from chaos.sandboxes.wired import LINE_BYTES, Streams, WiredSandbox

LABEL = "chaoslab.sandbox"
ENDS = "chaoslab.ends"
"""Label: Unix time at which it must have ended by itself."""
CAPABILITIES = {
    "CHOWN": "the app, as in any container",
    "DAC_OVERRIDE": "the app, as in any container",
    "FOWNER": "the app, as in any container",
    "FSETID": "the app, as in any container",
    "KILL": "process faults, and the app as in any container",
    "NET_BIND_SERVICE": "the app, as in any container",
    "SETGID": "the app, as in any container",
    "SETUID": "the app, as in any container",
    "SETPCAP": "to take the agent's capabilities from the app",
    "SYS_CHROOT": "to run the app in the files of its image",
    "NET_ADMIN": "network faults: rules, queues, traffic control in its own network",
    "NET_RAW": "the side-band of network faults, and the app as in any container",
    "SYS_ADMIN": "disk and DNS faults (mounts of its own), the app's control group",
    "SYS_PTRACE": "to look at the app's processes when they run as another user",
    "SYS_NICE": "the agent goes first on a busy machine",
    "SYS_RESOURCE": "what fd_exhaustion and pid_exhaustion lowered can be raised again",
}
"""All that a container gets, and why; its own network, pids, mounts and device rules stay. Never --privileged."""
_OPEN_WITHIN_S = 60.0
_SPARE_BYTES = 192 * 2**20
"""For the agent, its journal and what disk faults write: the app has a limit of its own."""
_NSBOX = Path(__file__).resolve().parents[1] / "nsbox"
_SHIPPED = ("__init__", "init", "kernel", "loopback", "spec", "image", "contained")
_BOOT = (
    "import base64,os,sys;os.makedirs('/run/chaoslab',exist_ok=True);"
    "open('/run/chaoslab/init.pyz','wb').write(base64.b64decode(sys.argv[1]));"
    "sys.path.insert(0,'/run/chaoslab/init.pyz');"
    "from chaos.nsbox.contained import main;main(sys.argv[2])"
)
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
    ) -> "ContainerSandbox":
        """Start one and connect. Raises SandboxError with cause and remedy."""
        from chaos.settings import Settings

        settings = Settings()
        engine = await find(settings)
        base, user = settings.chaoslab_container_image, None
        if image is not None:
            user = await beside(engine, base, image)
            base = user.together
        id_ = secrets.token_hex(6)
        order = {
            "memory_bytes": memory_bytes,
            "ttl_s": ttl_s,
            "lease_s": lease_s,
            "hosts": list(hosts),
            "image": user.config() if user else None,
        }
        command = ["-I", "-S", "-c", _BOOT, _init(), json.dumps(order)]
        options = _options(id_, memory_bytes, disk_bytes, ttl_s, labels or {})
        ref = SandboxRef("container", id_, {"engine": engine.program, "container": f"chaoslab-{id_}"})
        box = cls(ref)
        starting = asyncio.ensure_future(engine.start(base, options, command))
        try:
            await asyncio.shield(starting)
            async with asyncio.timeout(_OPEN_WITHIN_S):
                facts, _ = await box._call("ping")
        except BaseException as error:
            with contextlib.suppress(
                SandboxError
            ):  # who is cut off in the middle must not leave it to nobody
                await asyncio.shield(starting)
            words = await box._last_words() if isinstance(error, SandboxLost) else ""
            await asyncio.shield(box.destroy())
            if words:
                raise SandboxError(f"cannot open a container of {base}: {words}") from error
            if isinstance(error, TimeoutError):
                raise SandboxError(
                    f"a container of {base} did not answer within {_OPEN_WITHIN_S:g} s"
                ) from error
            raise
        facts = {key: value for key, value in facts.items() if key != "size"}
        if user:
            facts |= {"app": IMAGE_ROOT + user.workdir, "command": list(user.command)}
        facts |= {"image": image or base, "how": list(engine.notes)}
        box.ref = SandboxRef("container", id_, {**ref.facts, **facts})
        box.python = facts["python"]
        return box

    @classmethod
    async def connect(cls, ref: SandboxRef) -> "ContainerSandbox":
        """Find it again from any process that may speak to the engine. Raises SandboxLost when it has gone."""
        box = cls(ref)
        try:
            await box._call("ping")
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

    async def _last_words(self) -> str:
        """What PID 1 said before it ended; empty when it said nothing or is not there."""
        with contextlib.suppress(SandboxError):
            return (await self._engine.call("logs", "--tail", "1", self._container)).strip()
        return ""


def _init() -> str:
    """Our PID 1, for a command line: a zip in base64, some ten thousand characters."""
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("chaos/__init__.py", "")
        for name in _SHIPPED:
            archive.writestr(f"chaos/nsbox/{name}.py", (_NSBOX / f"{name}.py").read_bytes())
    return base64.b64encode(buffer.getvalue()).decode()


def _options(
    id_: str, memory_bytes: int, disk_bytes: int, ttl_s: float, labels: Mapping[str, str]
) -> list[str]:
    marks = {
        LABEL: id_,
        ENDS: str(int(time.time() + ttl_s)),
        **{f"chaoslab.{key}": value for key, value in labels.items()},
    }
    most = memory_bytes + 2 * disk_bytes + _SPARE_BYTES
    disks = {"/tmp": f"size={disk_bytes},mode=1777", "/app": f"size={disk_bytes},mode=755"}
    disks |= {"/run": "size=512m,mode=755", "/root": "size=16m,mode=700", "/var/tmp": "size=16m,mode=1777"}
    return [
        f"--name=chaoslab-{id_}",
        "--rm",
        "--hostname=chaoslab",
        "--network=none",
        "--cgroupns=private",
        f"--memory={most}",
        f"--memory-swap={most}",
        "--shm-size=64m",
        "--stop-signal=KILL",
        "--security-opt=apparmor=unconfined",  # docker-default forbids every mount
        "--security-opt=label=disable",
        "--cap-drop=ALL",
        *(f"--cap-add={name}" for name in CAPABILITIES),
        *(f"--tmpfs={place}:rw,exec,{how}" for place, how in disks.items()),
        *(f"--label={key}={value}" for key, value in marks.items()),
        "--entrypoint=python3",
        "--user=0:0",
        "--workdir=/",
    ]
