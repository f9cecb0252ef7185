"""A container engine by its command line: Docker or Podman, found by trying, its failures in our words.

Nothing is assumed of an engine: the daemon is asked, and what the first container shows to be in the way (a runtime
that does not know this machine's control groups, limits that may not be raised) is left out of every further one.
"""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.errors import SandboxError, SandboxLost, SandboxRefused

if TYPE_CHECKING:
    from chaos.settings import Settings

KNOWN = ("docker", "podman")
_ANSWERS_WITHIN_S = 20.0
_PULLS_WITHIN_S = 900.0
_NO_IMAGE = ("no such image", "image not known", "unable to find image")


class EngineFailed(SandboxError):
    """A command of an engine failed. Engines have words only: `said` is what they were, in lower case."""

    said = ""

    @property
    def lacks_image(self) -> bool:
        """Whether the image is not here."""
        return any(words in self.said for words in _NO_IMAGE)


class EngineLost(EngineFailed, SandboxLost):
    """The container has gone."""

    retryable = False


class EngineRefused(EngineFailed, SandboxRefused):
    """It will not, however often it is asked."""

    retryable = False


_ENDS: Mapping[tuple[str, ...], tuple[type[EngineFailed], str]] = {
    ("no such container", "no container with"): (EngineLost, "the container has gone"),
    ("no space left on device", "disk quota exceeded"): (
        EngineFailed,
        "its disk is full; remedy: {engine} system prune",
    ),
    ("cannot connect to", "is the docker daemon running", "connection refused", "unable to connect"): (
        EngineFailed,
        "its daemon does not answer; remedy: start it ({start}), or set CHAOSLAB_CONTAINER_ENGINE",
    ),
    ("permission denied while trying to connect", "permission denied while connecting"): (
        EngineRefused,
        "you may not speak to its daemon; remedy: join its group (sudo usermod --append --groups docker $USER, then "
        "log in anew), or use rootless podman (CHAOSLAB_CONTAINER_ENGINE=podman)",
    ),
    ("no subuid ranges", "no subgid ranges", "cannot find newuidmap", "potentially insufficient uids"): (
        EngineRefused,
        "your user has no ids of its own for containers; remedy: sudo usermod --add-subuids 100000-165535 "
        "--add-subgids 100000-165535 $USER, with newuidmap there (apt-get install uidmap), then: podman system migrate",
    ),
    ("requested cgroup controller", "opening file `memory.max`", "no cgroup controllers are delegated"): (
        EngineRefused,
        "no control group that can limit was delegated to you; remedy: run it in a login session on systemd, else: "
        "sudo loginctl enable-linger $USER, then systemd-run --user --scope -p Delegate=yes COMMAND",
    ),
    ("manifest unknown", "pull access denied", "repository does not exist", "not found: manifest"): (
        EngineRefused,
        "there is no such image, or it wants a login; remedy: check its name, or {engine} login",
    ),
}
"""Words of an engine, in lower case -> what they mean and the remedy."""
_STARTS = {
    "docker": "systemctl start docker; where it is rootless: systemctl --user start docker",
    "podman": "systemctl --user start podman.socket; for root: systemctl start podman.socket",
}

_found: dict[str | None, "Engine"] = {}
"""What has answered in this process, by the setting that names it."""


@dataclass(frozen=True)
class Attempt:
    """A way to start containers that some machines need, and the words that tell which."""

    name: str
    words: tuple[str, ...]
    options: tuple[str, ...]


_LIMITS = Attempt(
    "low limits",
    ("rlimit",),
    ("--ulimit", "nofile=16384:16384", "--ulimit", "nproc=8192:8192"),
)
_RUNC = Attempt("runc", ("crun",), ("--runtime", "runc"))


@dataclass
class Engine:
    """One that answered. `options` is what this machine's containers need beside what we want of them."""

    program: str
    options: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    async def call(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """Run one command; its standard output. Raises SandboxError, or SandboxLost when the container has gone."""
        code, out, err = await _finish(self.program, arguments, timeout_s)
        if code != 0:
            raise self.failure(err or out)
        return out

    def failure(self, words: str) -> EngineFailed:
        """What the engine said, as an error of ours with a remedy where we know one."""
        said, lower = _last_line(words.strip()), words.lower()
        for marks, (kind, meaning) in _ENDS.items():
            if any(mark in lower for mark in marks):
                start = _STARTS.get(Path(self.program).name, f"systemctl start {self.program}")
                meant = meaning.format(engine=self.program, start=start)
                return _failed(kind, f"{self.program}: {meant} ({said})", lower)
        return _failed(EngineFailed, f"{self.program}: {said or 'it failed without a word'}", lower)

    async def start(self, image: str, options: Sequence[str], command: Sequence[str]) -> None:
        """Start a container; fetch its image when it is not here. Raises SandboxError.

        What a failure says of this machine is kept: the next container has it from the start.
        """
        pulled = False
        while True:
            try:
                await self.call("run", "--detach", "--pull=never", *self.options, *options, image, *command)
            except EngineFailed as error:
                if not pulled and error.lacks_image:
                    await self.pull(image)
                    pulled = True
                elif not self._learn(error.said):
                    raise
            else:
                return

    def _learn(self, said: str) -> bool:
        for attempt in (_LIMITS, _RUNC):
            fits = any(word in said for word in attempt.words) and attempt.name not in self.notes
            if fits and (attempt is not _RUNC or (self.program.endswith("podman") and shutil.which("runc"))):
                self.options += attempt.options
                self.notes.append(attempt.name)
                return True
        return False

    async def has_image(self, name: str) -> bool:
        """Whether it is on this machine."""
        try:
            await self.image(name)
        except SandboxError:
            return False
        return True

    async def image(self, name: str) -> dict[str, Any]:
        """What it knows of an image that is here."""
        (found,) = json.loads(await self.call("image", "inspect", name))
        known: dict[str, Any] = found
        return known

    async def pull(self, image: str) -> None:
        """Fetch an image. Raises SandboxError."""
        try:
            await self.call("pull", "--quiet", image, timeout_s=_PULLS_WITHIN_S)
        except SandboxError as error:
            raise type(error)(f"cannot get image {image}: {error}") from error

    async def inspect(self, *names: str) -> list[dict[str, Any]]:
        """What it knows of those containers or images."""
        found: list[dict[str, Any]] = json.loads(await self.call("inspect", *names))
        return found


async def find(settings: "Settings") -> Engine:
    """The engine that the settings name, else the first known one whose daemon answers. Raises SandboxError."""
    named = settings.chaoslab_container_engine
    if named not in _found:
        _found[named] = await _first_that_answers([named] if named else KNOWN)
    return _found[named]


async def _first_that_answers(programs: Sequence[str]) -> Engine:
    refusals = []
    for program in programs:
        if shutil.which(program) is None:
            refusals.append(f"{program} is not installed")
            continue
        engine = Engine(program)
        try:
            known = json.loads(
                await engine.call("info", "--format", "{{json .}}", timeout_s=_ANSWERS_WITHIN_S)
            )
        except SandboxError as error:
            refusals.append(str(error))
            continue
        except ValueError:
            refusals.append(f"{program} does not answer as Docker or Podman would")
            continue
        if not isinstance(known, dict):
            refusals.append(f"{program} does not answer as Docker or Podman would")
        elif wrong := known.get(
            "ServerErrors"
        ):  # Docker's client ends well without a daemon, and says so in there
            refusals.append(str(engine.failure("\n".join(map(str, wrong)))))
        else:
            engine.options += _own_share(known)
            return engine
    raise SandboxRefused(
        f"no container engine: {'; '.join(refusals)}; remedy: install Docker or Podman (apt-get install podman), "
        "set CHAOSLAB_CONTAINER_ENGINE to its program, or choose another sandbox type"
    )


def _own_share(known: Mapping[str, Any]) -> list[str]:
    """Where control groups are the engine's own, not systemd's: one share of the processors for each container.

    By default all of an engine's containers have one share between them, as much as a single process beside them, and
    on a busy machine a slow container would be taken for a slow app.
    """
    manager = known.get("CgroupDriver") or known.get("host", {}).get(
        "cgroupManager"
    )  # Docker's word, Podman's word
    return ["--cgroup-parent=/"] if manager == "cgroupfs" and os.geteuid() == 0 else []


def _failed(kind: type[EngineFailed], words: str, said: str) -> EngineFailed:
    error = kind(words)
    error.said = said
    return error


def _last_line(words: str) -> str:
    return words.rpartition("\n")[2][:500]


async def _finish(program: str, arguments: Sequence[str], timeout_s: float) -> tuple[int, str, str]:
    """Exit code, output and error of one command. Raises SandboxError when it does not end in time."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise SandboxError(f"cannot run {program}: {error.strerror}") from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise SandboxError(f"{program} {arguments[0]}: no end within {timeout_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")
