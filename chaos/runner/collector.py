"""Follow an agent from outside: copy its journal line by line, keep its lease, pass on a wish to stop.

Nothing is copied that has not passed the gate. Our journal ends where we stopped, so another process can go on from
there at any time, with the key that is in the inventory.
"""

import asyncio
import errno
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaos.errors import JournalTampered, SandboxError, SandboxLost
from chaos.events import Event
from chaos.planning.agent_spec import FOLDER, LEASE_S
from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import StepSpec
from chaos.runner.arrivals import GIVE_UP_S, HOST_CLOCK, Arrivals
from chaos.runner.deadlines import Vigil
from chaos.runner.gate import Gate, Taken
from chaos.runner.host_requests import answer, why_not
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox
from chaos.sandboxes.inventory import Held, Inventory

_AGENT_LOG_BYTES = 2**16

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
        self._inventory = Inventory(run.id, run.folder)
        self._gate = Gate(b"", 0.0)
        self._arrivals = Arrivals()
        self._method: Sequence[StepSpec] = ()
        self._vigil = Vigil(box)
        self._recovery_s = 0.0
        self._due = float("inf")
        """When the agent should be about to end (monotonic): from then on it is looked at more often."""
        self._ended = False
        self._asked: list[Mapping[str, Any]] = []
        """What a fault wants done from outside, and nobody has looked at yet."""

    async def follow(self, stop: Stop) -> None:
        """Raises SandboxLost when sandbox or agent ends without a word, or does not end though asked to.

        Raises JournalTampered when somebody else than the agent wrote to its journal.
        """
        agent = await self._agent()
        self._gate = Gate(agent.key, agent.started_at)
        self._catch_up()
        looked = renewed = float("-inf")
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
                await self._look_after(agent.pid)
            looking = time.monotonic()
            await self._vigil.listen(heard=await self._copy())
            if self._arrivals.silent_s > GIVE_UP_S:
                raise SandboxLost(f"the agent took no sample for {GIVE_UP_S:g} s: it does not run any more")
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
            if event.source == "agent":
                self._gate.resume(event, line)
            self._take(event)

    async def _agent(self) -> Held:
        """The one that was started in this sandbox. Raises SandboxLost when there was no start."""
        give_up_at = time.monotonic() + _BEGINS_WITHIN_S
        while not (held := self._inventory.find(self._box.ref)).pid:
            if time.monotonic() > give_up_at:
                raise SandboxLost("the agent was never started: whoever injected ended in the middle of it")
            await asyncio.sleep(_POLL_S)
        return held

    async def _look_after(self, pid: int) -> None:
        """Raise SandboxLost when the agent has ended and all that it wrote does not say so."""
        exit_code = await self._box.exit_code(pid)
        if exit_code is None or await self._copy() or self._ended:
            return
        words = (await self._read("agent.log", 0, _AGENT_LOG_BYTES) or b"").decode(errors="replace").strip()
        self._run.keep_agent_log(words)
        raise SandboxLost(
            f"the agent ended with exit code {exit_code}: {words.rpartition(chr(10))[2][:500] or 'no message'}"
        )

    async def _copy(self) -> bool:
        """Copy what is new; True when there was something."""
        looking = time.monotonic()
        data = (await self._read("journal.ndjson", self._gate.offset, _CHUNK) or b"")[:_CHUNK]
        taken: list[Taken] = []
        tampered: JournalTampered | None = None
        try:
            for each in self._gate.take(data, HOST_CLOCK.now()):
                self._check(each.event)
                taken.append(each)
        except JournalTampered as error:
            tampered = error
        self._run.journal.append_lines(b"".join(each.line for each in taken))
        self._arrivals.took(looking, (each.event for each in taken))
        for each in taken:
            self._take(each.event)
        self._note(last=self._gate.over or tampered is not None)
        if tampered is not None:
            raise tampered
        return bool(taken)

    def _check(self, event: Event) -> None:
        """What is to be done from outside must be what the plan is about. Raises JournalTampered."""
        if event.type == "outside.asked" and (why := why_not(event.data, self._method)):
            raise JournalTampered(f"the journal was tampered with: line {event.seq}: outside.asked {why}")

    def _note(self, *, last: bool) -> None:
        """Write down how the agent's events came in."""
        if data := self._arrivals.due(self._gate.seq, self._gate.ahead_s, last=last):
            noted = Event("journal.followed", time.time(), data, source="host")
            self._run.journal.append(noted)
            self._on_event(noted)

    def _take(self, event: Event) -> None:
        if event.type == "run.started":
            plan = RunSpec.of_journal(event.data["plan"])
            self._recovery_s, self._method = plan.recovery_s, plan.method
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
            if isinstance(error, SandboxLost) or error.errno != errno.ENOENT:
                raise
            return None
