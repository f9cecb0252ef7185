"""What any disposable machine must do for a run: take files, run commands, start the agent, be read, and be destroyed.

A provider is one class of these verbs plus `open` and `connect`. Everything else (timeline, faults, measuring) is the
agent's, so that it is the same on every provider.
"""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, Self, runtime_checkable


@dataclass(frozen=True, slots=True)
class SandboxRef:
    """How another process finds a sandbox again; JSON all through."""

    type: str
    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From plain data."""
        return cls(data["type"], data["id"], data.get("facts", {}))


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app needs done before its processes start."""

    commands: tuple[tuple[str, ...], ...]
    files: bytes
    """The tar archive of what the commands read in the app's directory; empty for an image."""

    @property
    def digest(self) -> str:
        """The same for the same commands and contents, whenever the files were written."""
        whole = hashlib.sha256(repr(self.commands).encode())
        if self.files:
            with tarfile.open(fileobj=io.BytesIO(self.files)) as tar:
                for member in tar:
                    whole.update(
                        f"{member.name}\0{member.mode:o}\0{member.linkname}\0{member.size}\0".encode()
                    )
                    if (content := tar.extractfile(member) if member.isreg() else None) is not None:
                        whole.update(content.read())
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended."""

    exit_code: int
    stdout: bytes
    stderr: str


@runtime_checkable
class FromOutside(Protocol):
    """What the holder of some sandboxes can do to them from outside; faults in there ask for it
    (chaos.runner.host_requests).
    """

    async def freeze(self, lasts_s: float, beats: str, stop: asyncio.Event) -> dict[str, Any]:
        """Let it stand still for so long, less when `stop` is set; what was measured, see SandboxFreeze."""

    async def cut(self, network: str | None) -> dict[str, Any]:
        """Let nothing out to that network (CIDR), instead of what was cut before; None: all may go out again."""


class Sandbox(Protocol):
    """One disposable machine. Every method raises SandboxError, or SandboxLost when the machine has gone."""

    ref: SandboxRef
    python: str
    """The interpreter inside that runs the agent."""

    async def put(self, path: str, data: bytes, *, mode: int = 0o644, exclusive: bool = False) -> bool:
        """Write a file at once or not at all; False when `exclusive` and it is there already."""

    async def unpack(self, path: str, archive: bytes) -> None:
        """Unpack a tar archive into a directory."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/app",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Completed:
        """Run a command to its end."""

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str, given: bytes = b"") -> int:
        """Start a command in the background, its output appended to a file; its pid.

        `given`, at most 4 KiB, is what it finds on its standard input, and nobody else ever.
        """

    async def exit_code(self, pid: int) -> int | None:
        """How a started command ended; None while it runs."""

    async def read(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        """Bytes of a file from `offset` on."""

    async def close(self) -> None:
        """Let go of the connection; the sandbox lives on until its lease or TTL runs out."""

    async def destroy(self) -> None:
        """End it and everything in it; no error when it has gone already."""
