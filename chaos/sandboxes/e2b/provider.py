"""E2B microVMs: the same verbs as any sandbox, each made of requests that may be sent twice, as answers get lost."""

import asyncio
import contextlib
import errno
import io
import json
import secrets
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError, SandboxRefused
from chaos.sandboxes.e2b import outside as outside
from chaos.sandboxes.e2b import scripts as scripts
from chaos.sandboxes.e2b.errors import Passing, patiently
from chaos.sandboxes.e2b.machine import Machine
from chaos.sandboxes.e2b.templates import BASE, Recipe, ensure
from chaos.sandboxes.support.base import Completed, SandboxRef, Setup

_FOLDER = "/run/chaoslab"
_CREATED_WITHIN_S = 10.0
"""How long to wait for what is no longer wanted, to end it."""
_STARTS_WITHIN_S = 10.0
_LOST_WITHIN_S = 1.0
"""How long to look for what an attempt without an answer may have started, before the next one."""
_LOOK_EVERY_S = 0.05


class E2BSandbox:
    """A running microVM."""

    def __init__(self, ref: SandboxRef) -> None:
        self.ref = ref
        self.python = str(ref.facts.get("python", "python3"))
        self._machine = Machine(ref.id, ref.facts["ends_at"], ref.facts.get("turn", ""))

    @classmethod
    async def open(
        cls,
        *,
        memory_bytes: int,
        disk_bytes: int,
        ttl_s: float,
        hosts: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        image: str | None = None,
        setup: Setup | None = None,
        template: str | None = None,
    ) -> "E2BSandbox":
        """Create one and make it ready. Raises SandboxError, or SandboxRefused when trying again is of no use.

        An image, and what `setup` makes, are in a template that is built before, unless there is one.
        """
        template = template or BASE
        if image is not None or setup is not None:
            template = await ensure(Recipe(image, memory_bytes, template, setup))
        facts = {"ends_at": time.time() + ttl_s, "template": template, "set_up": setup is not None}
        box = cls(SandboxRef("e2b", "", facts))
        wish = {
            "memory_bytes": memory_bytes,
            "disk_bytes": disk_bytes,
            "hosts": list(hosts),
            "folder": _FOLDER,
            "keeps_app": setup is not None and image is None,
        }
        await box._machine.take_turn()
        creating = asyncio.ensure_future(box._machine.create(template, labels or {}))
        try:
            await asyncio.shield(creating)
            await box._prepare(wish)
        except BaseException:
            await asyncio.shield(box._give_up(creating))
            raise
        return box

    async def _give_up(self, creating: "asyncio.Future[None]") -> None:
        """A request under way cannot be taken back, only what it makes; what comes too late ends by its lease."""
        done, late = await asyncio.wait([creating], timeout=_CREATED_WITHIN_S)
        for each in late:
            each.cancel()
        with contextlib.suppress(SandboxError):
            if any(not each.cancelled() and each.exception() is None for each in done):
                await self._machine.kill()
        await self.close()

    async def _prepare(self, wish: Mapping[str, object]) -> None:
        program = (Path(__file__).parent / "guest.py").read_text()
        done = await self._machine.script(scripts.prepare(program, json.dumps(wish)), "prepare")
        if done.exit_code != 0:
            why = done.stderr.strip().rpartition("\n")[2]
            raise SandboxRefused(f"e2b: cannot make the machine ready: {why}")
        facts = json.loads(done.stdout)
        self.python = facts["python"]
        self.ref = SandboxRef(
            "e2b", self._machine.id, {**self.ref.facts, **facts, "turn": self._machine.turn}
        )

    @classmethod
    async def connect(cls, ref: SandboxRef) -> "E2BSandbox":
        """Find it again from any process that has the key. Raises SandboxLost when it has gone."""
        box = cls(ref)
        await box._machine.reach()
        return box

    async def put(self, path: str, data: bytes, *, mode: int = 0o644, exclusive: bool = False) -> bool:
        """See Sandbox."""
        if not data and not exclusive and mode == 0o644:
            await self._machine.write(path, data)  # whole however it goes
            return True
        part = f"{path}.{secrets.token_hex(4)}.part"
        await self._machine.write(part, data)
        done = await self._machine.script(scripts.place(part, path, mode, exclusive=exclusive), f"put {path}")
        if done.exit_code != 0 and not exclusive:
            raise SandboxError(f"e2b: put {path}: {done.stderr.strip()}")
        return done.exit_code == 0

    async def unpack(self, path: str, archive: bytes) -> None:
        """See Sandbox."""
        _check(archive, path)
        part = f"{_FOLDER}/{secrets.token_hex(4)}.tar"
        await self._machine.write(part, archive)
        done = await self._machine.script(scripts.unpack(part, path), f"unpack {path}")
        if done.exit_code != 0:
            raise SandboxError(f"e2b: unpack {path}: {done.stderr.strip()}")

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str = "/app",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Completed:
        """See Sandbox. Sent once. E2B's client gives text only: what is not UTF-8 comes with replacement characters."""
        text, what = scripts.run(argv), f"run {argv[0]}"
        done = await self._machine.command(text, what, cwd=cwd, env=env, timeout_s=timeout_s)
        if done.exit_code == 127 and done.stderr.startswith(scripts.MISSING):
            raise SandboxError(f"e2b: run: {done.stderr.strip()}")
        return done

    async def start(self, argv: Sequence[str], *, cwd: str = "/", output: str, given: bytes = b"") -> int:
        """See Sandbox. Once, even when an answer is lost: only one attempt can make the claim."""
        claim = f"{_FOLDER}/start-{secrets.token_hex(4)}"
        source = await self._private(given) if given else None
        script = scripts.start(argv, claim=claim, output=output, folder=_FOLDER, given=source)

        async def attempt() -> int:
            try:
                running = await self._machine.begin(script, f"start {argv[0]}", cwd=cwd)
            except Passing:
                return await self._claimed(claim, _LOST_WITHIN_S)
            await running.disconnect()  # its end is not ours to wait for
            return await self._claimed(claim, _STARTS_WITHIN_S)

        return await patiently(attempt)

    async def _private(self, data: bytes) -> str:
        """A file that nobody may read but root; its directory is closed before there is anything in it."""
        folder = f"{_FOLDER}/given-{secrets.token_hex(8)}"
        done = await self._machine.script(scripts.private(folder), "start")
        if done.exit_code != 0:
            raise SandboxError(f"e2b: start: {done.stderr.strip()}")
        await self._machine.write(f"{folder}/input", data)
        return f"{folder}/input"

    async def _claimed(self, claim: str, within_s: float) -> int:
        """The pid in that claim. Raises Passing when nobody makes it."""
        give_up_at = time.monotonic() + within_s
        while not (said := await self._read_if_there(claim)):
            if time.monotonic() > give_up_at:
                raise Passing(f"e2b: nothing was started within {within_s:g} s")
            await asyncio.sleep(_LOOK_EVERY_S)
        return int(said)

    async def exit_code(self, pid: int) -> int | None:
        """See Sandbox. What is above 128 is the shell's way to say by which signal."""
        ended = f"{_FOLDER}/ended-{pid}"
        said = await self._read_if_there(ended)
        if said is None:
            if await self._machine.runs(pid):
                return None
            said = await self._read_if_there(ended) or b"137"  # nobody was left to write it down
        code = int(said)
        return code if code <= 128 else 128 - code

    async def read(self, path: str, offset: int = 0, limit: int = -1) -> bytes:
        """See Sandbox."""
        return await self._machine.read(path, offset, limit)

    async def _read_if_there(self, path: str) -> bytes | None:
        try:
            return await self.read(path)
        except SandboxError as error:
            if error.errno != errno.ENOENT:
                raise
            return None

    async def freeze(self, lasts_s: float, beats: str, stop: asyncio.Event) -> dict[str, Any]:
        """See FromOutside."""
        return await outside.freeze(self._machine, lasts_s, beats, stop)

    async def cut(self, network: str | None) -> dict[str, Any]:
        """See FromOutside."""
        began = time.monotonic()
        await self._machine.cut(network)
        return {"took_s": round(time.monotonic() - began, 3)}

    async def close(self) -> None:
        """See Sandbox."""
        await self._machine.close()

    async def destroy(self) -> None:
        """See Sandbox. Raises SandboxError when nobody knows whether it has gone; its lease ends it then."""
        await self.close()
        await self._machine.kill()


def _check(archive: bytes, path: str) -> None:
    """Raise SandboxError for an archive that could write outside of its directory."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for member in tar:
                tarfile.data_filter(member, path)
    except tarfile.TarError as error:
        raise SandboxError(f"e2b: unpack {path}: {error}") from error
