"""A template's build, carried out: its steps, one after another, in a local sandbox that nobody else sees.

What it leaves in /app is the template's. The other files of an image, and its package manager, are beyond a double.
"""

import io
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.e2b.templates import TOOLS
from chaos.sandboxes.local.provider import LocalSandbox
from tests.doubles.e2b.machines import boot

NO_PACKAGES = "distroless"
"""An image with this in its name cannot become a template."""
_STEP_WITHIN_S = 60.0


class Broken(Exception):
    """A step failed."""


@dataclass
class Build:
    """One build: what was asked for, how far it is, and what came of it."""

    template: str
    name: str
    memory_mib: int
    wish: dict[str, Any] = field(default_factory=dict)
    status: str = "waiting"
    reason: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    app: bytes = b""
    """A tar of its /app; empty when no step touched it."""
    _workdir: str = "/"

    async def carry_out(self, before: bytes, uploads: Mapping[str, bytes]) -> None:
        """Do it all, on top of what its origin has in /app."""
        self.status, self.app = "building", before
        self.log.append(f"FROM {self.wish.get('fromImage') or self.wish.get('fromTemplate')}")
        steps = list(self.wish.get("steps", ()))
        try:
            if any(not _is_tools(step) and step["type"] != "USER" for step in steps):
                await self._in_a_box(steps, uploads)
            elif NO_PACKAGES in str(self.wish.get("fromImage")):
                self.reason = {"step": "2"}
                raise Broken("no package manager")
        except (Broken, SandboxError) as failure:
            self.reason["message"] = str(failure)
            self.status = "error"
        else:
            self.status = "ready"

    async def _in_a_box(self, steps: list[dict[str, Any]], uploads: Mapping[str, bytes]) -> None:
        box = await boot(self.memory_mib)
        try:
            if self.app:
                await box.unpack("/app", self.app)
            for number, step in enumerate(steps, start=1):
                self.reason = {"step": str(number)}
                await self._step(box, step, uploads)
            await box.run(["tar", "-cf", "/run/app.tar", "-C", "/app", "."], cwd="/")
            self.app = await box.read("/run/app.tar")
        finally:
            await box.destroy()

    async def _step(self, box: LocalSandbox, step: dict[str, Any], uploads: Mapping[str, bytes]) -> None:
        type_, args = step["type"], step["args"]
        self.log.append(f"{type_} {args[0]}")
        match type_:
            case "WORKDIR":
                self._workdir = args[0]
            case "COPY":
                with tarfile.open(fileobj=io.BytesIO(uploads[step["filesHash"]])) as tar:
                    content = tar.extractfile(args[0])
                    assert content is not None
                    await box.put(args[1], content.read())
            case "RUN" if not _is_tools(step):
                command = ["/bin/bash", "-l", "-c", args[0]]
                done = await box.run(command, cwd=self._workdir, timeout_s=_STEP_WITHIN_S)
                self.log += (done.stdout.decode() + done.stderr).splitlines()
                if done.exit_code != 0:
                    raise Broken(f"failed to run command '{args[0]}': exit status {done.exit_code}")


def _is_tools(step: Mapping[str, Any]) -> bool:
    return step["type"] == "RUN" and step["args"][0] == TOOLS
