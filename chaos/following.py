"""Follow an agent from outside: copy its journal line by line, keep its lease, pass on a wish to stop.

Our journal ends where we stopped, so another process can go on from there at any time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from chaos.deadlines import Vigil
from chaos.errors import SandboxError, SandboxLost
from chaos.events import Event
from chaos.order import LEASE_S
from chaos.outside import answer
from chaos.run import Run
from chaos.sandboxes import Sandbox
from chaos.stop import Stop

FOLDER = "/run/chaoslab"
"""Where order, journal, lease and stop are inside the sandbox."""

OnEvent = Callable[[Event], None]

_POLL_S = 0.05
_POLL_AT_THE_END_S = 0.005
_LOOK_EVERY_S = 0.5
_MOST_WORDS = 256 * 2**10
"""Bytes of what an agent that ended badly had to say."""
_CHUNK = 4 * 2**20
_BEGINS_WITHIN_S = 10.0
_STOP_GRACE_S = 20.0


class Follower:
    """Copies whole lines from where our journal ends, until the agent has said that it ended."""

    def __init__(self, box: Sandbox, run: Run, on_event: OnEvent) -> None:
        self._box = box
        self._run = run
        self._on_event = on_event
        self._vigil = Vigil(box)
        self._offset = 0
        self._recovery_s = 0.0
        self._due = float("inf")
        """When the agent should be about to end (monotonic): from then on it is looked at more often."""
        self._ended = False
        self._asked: list[Mapping[str, Any]] = []
        """What a fault wants done from outside, and nobody has looked at yet."""

    async def follow(self, stop: Stop) -> None:
        """Raises SandboxLost when sandbox or agent ends without a word, or does not end though asked to."""
        self._catch_up()
        looked = renewed = float("-inf")
        pid: int | None = None
        asked_at: float | None = None
        while not self._ended:
            now = time.monotonic()
            if now - renewed > LEASE_S / 5:
                await self._box.put(f"{FOLDER}/lease", b"")
                renewed = now
            if stop.is_set() and asked_at is None:
                await self._box.put(f"{FOLDER}/stop", stop.why.encode())
                asked_at = now
            if asked_at is not None and now - asked_at > _STOP_GRACE_S:
                raise SandboxLost(f"the agent did not end within {_STOP_GRACE_S:g} s of being asked to")
            if now - looked > _LOOK_EVERY_S:
                looked = now
                pid = pid or await self._pid()
                await self._look_after(pid)
            looking = time.monotonic()
            await self._vigil.listen(heard=await self._copy())
            while self._asked:
                await self._do(self._asked.pop(0), stop)
                self._vigil.hear()
            if not self._ended:
                # What takes long, as it does far away, is done less often.
                took_s = time.monotonic() - looking
                pause_s = min(_POLL_S, max(_POLL_AT_THE_END_S, self._due - time.monotonic()))
                await asyncio.sleep(max(pause_s, took_s))

    async def _do(self, asked: Mapping[str, Any], stop: Stop) -> None:
        """What a fault wants done from outside; meanwhile the agent hears that we live, unless it is to stand still."""
        doing = asyncio.ensure_future(answer(self._box, asked, stop))
        try:
            while not (await asyncio.wait([doing], timeout=LEASE_S / 5))[0]:
                if asked["act"] != "freeze":
                    await self._box.put(f"{FOLDER}/lease", b"")
        finally:
            doing.cancel()
            await asyncio.wait([doing])
        doing.result()

    def _catch_up(self) -> None:
        """Take in what our journal holds of this trial; the agent's lines are in it as they are in the agent's own."""
        self._run.journal.mend()
        for event, line in self._run.journal.lines(latest=True):
            self._offset += len(line) if event.source == "agent" else 0
            self._take(event)

    async def _pid(self) -> int:
        """The agent's, from the file that follows its start. Raises SandboxLost when there was no start."""
        give_up_at = time.monotonic() + _BEGINS_WITHIN_S
        while (pid := await self._read("agent.pid", limit=20)) is None:
            if time.monotonic() > give_up_at:
                raise SandboxLost("the agent was never started: whoever injected ended in the middle of it")
            await asyncio.sleep(_POLL_S)
        if not pid.isdigit():
            raise SandboxLost("the agent's pid is none: somebody else wrote to its file")
        return int(pid)

    async def _look_after(self, pid: int) -> None:
        """Raise SandboxLost when the agent has ended and all that it wrote does not say so."""
        exit_code = await self._box.exit_code(pid)
        if exit_code is None or await self._copy() or self._ended:
            return
        words = (await self._read("agent.log", limit=_MOST_WORDS) or b"").decode(errors="replace").strip()
        self._run.keep_agent_log(words)
        raise SandboxLost(
            f"the agent ended with exit code {exit_code}: {words.rpartition(chr(10))[2][:500] or 'no message'}"
        )

    async def _copy(self) -> bool:
        """Copy what is new; True when there was something."""
        data = await self._read("journal.ndjson", self._offset, _CHUNK) or b""
        whole = data[: data.rfind(b"\n") + 1]
        try:
            events = [Event.from_line(line) for line in whole.splitlines()]
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxLost("the agent's journal is broken: somebody else wrote to it") from error
        self._run.journal.append_lines(whole)
        self._offset += len(whole)
        for event in events:
            self._take(event)
        return bool(whole)

    def _take(self, event: Event) -> None:
        if event.type == "run.started":
            self._recovery_s = event.data["plan"]["recovery_s"]
        elif event.type == "outside.asked":
            self._asked.append(event.data)
        elif event.type == "phase.started" and event.data.get("phase") == "recovery":
            self._due = time.monotonic() + self._recovery_s - _POLL_S
        self._ended = self._ended or event.type == "agent.ended"
        self._on_event(event)

    async def _read(self, name: str, offset: int = 0, limit: int = -1) -> bytes | None:
        """A file of the agent's; None while there is none."""
        try:
            return await self._box.read(f"{FOLDER}/{name}", offset, limit)
        except SandboxError as error:
            if isinstance(error, SandboxLost) or "FileNotFoundError" not in str(error):
                raise
            return None
