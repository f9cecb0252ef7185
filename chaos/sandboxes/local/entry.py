"""Entry of the local provider: what the rest of the house asks of it."""

import asyncio
import os
import platform
import re
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.run_spec.codec import decode
from chaos.sandboxes.local.ending import remove
from chaos.sandboxes.local.keeper import orphans
from chaos.sandboxes.local.provider import LocalSandbox
from chaos.sandboxes.support.base import Sandbox, SandboxRef
from chaos.sandboxes.support.provider import Examination, SandboxRequest
from chaos.sandboxes.support.runtime import runtime_dir

if TYPE_CHECKING:
    from chaos.settings import Settings

_BOX = re.compile(r"box-[a-z0-9_]{8}")
_ID = re.compile(r"[a-z0-9_]{8}-[0-9a-f]{6}")
_MOST_PIDS = 2**22


@dataclass(frozen=True, kw_only=True)
class LocalFacts:
    """What its keeper says of one."""

    user_namespace: bool = False
    build_s: float = 0.0


class Local:
    """See Provider."""

    name = "local"
    tried_by_doctor = True

    async def open(self, wanted: SandboxRequest) -> Sandbox:
        """See Provider. Nobody lists local sandboxes, so their labels are not kept."""
        return await LocalSandbox.open(
            memory_bytes=wanted.memory_bytes,
            disk_bytes=wanted.disk_bytes,
            ttl_s=wanted.ttl_s,
            hosts=wanted.hosts,
            image=wanted.image,
        )

    async def connect(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return await LocalSandbox.connect(ref)

    def attach(self, ref: SandboxRef) -> Sandbox:
        """See Provider."""
        return LocalSandbox(ref)

    def why_not_ours(self, ref: SandboxRef) -> str | None:
        """See Provider: nothing of it is believed before it is looked at, so it is not decoded here."""
        folder, keeper = (ref.facts.get(key) for key in ("folder", "keeper"))
        if type(keeper) is not int or not 1 < keeper <= _MOST_PIDS:
            return "its keeper is no process"
        if not isinstance(folder, str):
            return "its folder is not named"
        name = Path(folder).name
        ours = isinstance(ref.id, str) and _ID.fullmatch(ref.id) and _BOX.fullmatch(name)
        if not ours or ref.id[:8] != name.removeprefix("box-"):
            return f"{ascii(folder)[:200]} is no folder of a sandbox of ours"
        if Path(folder).absolute() != runtime_dir().absolute() / name:
            return f"{ascii(folder)[:200]} is not in {runtime_dir()}, where ours are"
        try:
            seen = os.lstat(folder)
        except FileNotFoundError:
            return None
        mine = stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()
        return None if mine else f"{ascii(folder)[:200]} is no directory of this user's"

    async def clean_up(self, settings: "Settings") -> AsyncIterator[str]:
        """See Provider."""
        for folder in await asyncio.to_thread(orphans):
            await asyncio.to_thread(remove, folder)
            yield f"removed {folder}"

    async def check(self, settings: "Settings") -> AsyncIterator[Examination]:
        """The system that it is made of; the rest is found out by opening one."""
        if platform.system() != "Linux":
            remedy = "the local sandbox needs Linux 5.12 or later"
            yield Examination("system", "missing", platform.system(), remedy)
        else:
            says = f"{platform.python_version()} at {sys.executable}, Linux {platform.release()}"
            yield Examination("system", "ok", says)

    def opened(self, ref: SandboxRef) -> Examination:
        """See Provider."""
        facts = decode(LocalFacts, ref.facts, "local sandbox", strict=False)
        how = "user namespaces" if facts.user_namespace else "as root, without a user namespace"
        return Examination("local sandbox", "ok", f"{how}, built in {facts.build_s * 1000:.0f} ms")

    def left_here(self) -> int:
        """See Provider."""
        return len(orphans())


PROVIDER = Local()
