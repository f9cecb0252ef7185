"""The microVMs of the double: each a local sandbox with a time to live, its processes, and its token."""

import asyncio
import contextlib
import datetime
import itertools
import secrets
import sys
from collections.abc import Mapping
from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.local.provider import LocalSandbox
from tests.doubles.e2b.process import Process

MIB = 2**20
ENVD_VERSION = "0.6.13"
_LONGEST_S = 3600.0
_PATH = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The system's own Python, as in a microVM: not this checkout's, which may lie below a folder that is covered there."""
_PING_EVERY_S = 5.0


def now() -> datetime.datetime:
    """In UTC."""
    return datetime.datetime.now(datetime.UTC)


class Machine:
    """One microVM."""

    def __init__(self, wish: Mapping[str, Any], memory_mib: int, box: LocalSandbox, on_end: Any) -> None:
        self.id = "i" + secrets.token_hex(9)
        self.token = secrets.token_hex(16)
        self.template = wish["templateID"]
        self.metadata = wish.get("metadata") or {}
        self.envs = wish.get("envVars") or {}
        self.started = now()
        self.memory_mib = memory_mib
        self.box = box
        self.state = "running"
        self.processes: dict[int, Process] = {}
        self._numbers = itertools.count()
        self._on_end = on_end
        self._clock = asyncio.create_task(self._live())
        self.lives(wish.get("timeout", 300))

    def lives(self, seconds: float) -> None:
        """From now on; never longer than a plan allows in all."""
        longest = self.started + datetime.timedelta(seconds=_LONGEST_S)
        self.ends = min(now() + datetime.timedelta(seconds=seconds), longest)

    def age(self, seconds: float) -> None:
        """As if so much time had gone by without a word."""
        self.ends -= datetime.timedelta(seconds=seconds)

    async def _live(self) -> None:
        """Until its time is over; the local sandbox below ends by itself when nobody says a word to it."""
        await asyncio.sleep(0)
        while (left_s := (self.ends - now()).total_seconds()) > 0 or self.state == "paused":
            await asyncio.sleep(min(max(left_s, 0.1), _PING_EVERY_S))
            with contextlib.suppress(SandboxError):
                await self.box.run(["true"], cwd="/")
        await self._on_end(self)

    async def pause(self) -> None:
        """Nobody in it moves on, and none is answered; its time does not pass."""
        self.state = "paused"
        await self._signal("STOP")

    async def resume(self, seconds: float) -> None:
        """From where it was."""
        await self._signal("CONT")
        self.lives(seconds)
        self.state = "running"

    async def _signal(self, name: str) -> None:
        """To all but the box's own PID 1, which serves the double; twice, as somebody may just have been born."""
        for _ in range(2):
            await self.box.run(["sh", "-c", f"kill -{name} -1"], cwd="/")

    async def end(self) -> None:
        """Everything in it goes, and its file tree."""
        if self._clock is not asyncio.current_task():
            self._clock.cancel()
        for process in self.processes.values():
            process.task.cancel()
            process._tell(None)
        await self.box.destroy()

    async def start(self, config: Mapping[str, Any], tag: str | None) -> Process:
        """Begin a command. Raises SandboxError, as when its directory is not there."""
        files = f"/run/envd/{next(self._numbers)}"
        await self.box.put(f"{files}.stdout", b"")
        await self.box.put(f"{files}.stderr", b"")
        own = {
            "USER": "root",
            "LOGNAME": "root",
            "E2B_SANDBOX": "true",
            "E2B_SANDBOX_ID": self.id,
            "PATH": _PATH,
        }
        envs = own | dict(self.envs) | dict(config.get("envs", {}))
        command = [
            "env",
            *(f"{name}={value}" for name, value in envs.items()),
            config["cmd"],
            *config.get("args", []),
        ]
        wrapped = ["sh", "-c", f'exec "$@" >{files}.stdout 2>{files}.stderr', "sh", *command]
        pid = await self.box.start(wrapped, cwd=config.get("cwd") or "/root", output="/dev/null")
        process = Process(self.box, pid, config, tag, files)
        self.processes[pid] = process
        return process

    def running(self) -> list[Process]:
        """What has not ended."""
        return [process for process in self.processes.values() if process.end is None]

    def created(self) -> dict[str, Any]:
        """The answer to its creation, and to whoever connects."""
        return {
            "templateID": self.template,
            "sandboxID": self.id,
            "clientID": "double",
            "envdVersion": ENVD_VERSION,
            "envdAccessToken": self.token,
            "trafficAccessToken": None,
            "domain": None,
        }

    def listed(self) -> dict[str, Any]:
        """As a list names it."""
        return {
            "templateID": self.template,
            "alias": self.template,
            "sandboxID": self.id,
            "clientID": "double",
            "startedAt": _text(self.started),
            "endAt": _text(self.ends),
            "cpuCount": 2,
            "memoryMB": self.memory_mib,
            "diskSizeMB": 512,
            "metadata": self.metadata,
            "state": self.state,
            "envdVersion": ENVD_VERSION,
        }


def _text(at: datetime.datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# In a microVM this can be written to, in a local sandbox it cannot.
_LIKE_A_MACHINE = "cp /etc/hosts /run/hosts && mount --bind /run/hosts /etc/hosts"


async def boot(memory_mib: int) -> LocalSandbox:
    """A local sandbox that looks to its commands like a microVM."""
    box = await LocalSandbox.open(memory_bytes=memory_mib * MIB, disk_bytes=512 * MIB, ttl_s=_LONGEST_S)
    done = await box.run(["sh", "-c", _LIKE_A_MACHINE], cwd="/")
    if done.exit_code != 0:
        await box.destroy()
        raise SandboxError(done.stderr)
    return box
