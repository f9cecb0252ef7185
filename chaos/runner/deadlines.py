"""What ends a run from outside, by the host's own clock: its sandbox's time to live, and an agent that says nothing.

Inside the same limits exist (PID 1 ends by TTL and lease), but whoever is in there might stop them.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chaos.errors import SandboxError, SandboxLost
from chaos.run_spec.model import RunSpec
from chaos.runs.directory import Run
from chaos.sandboxes import Sandbox

ALIVE = "/run/chaoslab/alive"
"""A file that the agent writes anew every second, whatever it waits for: see `chaos.agent.lease`."""
SILENT_S = 9.0
"""An agent that has written nothing for so long, neither a fact nor that file, is stopped or stuck."""
FIRST_WORD_WITHIN_S = 30.0
"""A Python has to start, perhaps far away, on a machine that is busy."""
TTL_GRACE_S = 5.0
"""For a sandbox to end by itself, as it should, and for us to hear of it."""
_DOUBT_AFTER_S = 2.0
_LOOK_EVERY_S = 1.0
_MOST_BYTES = 64


@asynccontextmanager
async def within_ttl(run: Run) -> AsyncIterator[None]:
    """Cut the block off when the time to live of the run's sandbox, and a little grace, are over by our clock.

    Raises SandboxLost with the sentence, also in place of one that is raised after that time.
    """
    opened = run.journal.latest("run.started", "sandbox.opened") if run.journal.path.exists() else []
    plans = (RunSpec.of_journal(e.data["plan"]) for e in opened if e.type == "run.started")
    ttl_s = next((plan.sandbox.ttl for plan in plans), 0.0)
    at = next((e.at for e in reversed(opened) if e.type == "sandbox.opened"), None)
    if not ttl_s or at is None:
        yield
        return
    left_s = min(ttl_s, at + ttl_s - time.time())
    over_at = time.monotonic() + left_s
    words = f"its sandbox's time to live of {ttl_s:g} s was over before the run was"
    try:
        async with asyncio.timeout(max(0.0, left_s) + TTL_GRACE_S) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise SandboxLost(f"{words}, and it had not ended by itself") from error
    except SandboxLost as error:
        if time.monotonic() < over_at:
            raise
        raise SandboxLost(f"{words}: {error}") from error


class Vigil:
    """Listens for an agent that is silent. Times are of the monotonic clock."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._heard = time.monotonic()
        self._looked = self._heard
        self._allowed_s = FIRST_WORD_WITHIN_S
        self._alive: bytes | None = None

    def hear(self) -> None:
        """A word of the agent came, or it was made to stand still on purpose until now."""
        self._heard = time.monotonic()
        self._allowed_s = SILENT_S

    async def listen(self, *, heard: bool) -> None:
        """To be called again and again, with whether something came. Raises SandboxLost when nothing does."""
        if heard:
            self.hear()
        now = time.monotonic()
        if now - self._heard < _DOUBT_AFTER_S or now - self._looked < _LOOK_EVERY_S:
            return
        self._looked = now
        alive = await self._said()
        if alive is not None and alive != self._alive:
            self._alive = alive
            self.hear()
        elif now - self._heard > self._allowed_s:
            silent_s = now - self._heard
            raise SandboxLost(f"the agent wrote nothing for {silent_s:.0f} s: it was stopped, or is stuck")

    async def _said(self) -> bytes | None:
        try:
            return await self._box.read(ALIVE, 0, _MOST_BYTES)
        except SandboxLost:
            raise
        except SandboxError:
            return None  # not yet
