"""Kill switch in Prefect: a variable that halts every machine's experiments, and the cancelling of one flow run.

Every running flow looks for both about once a second, beside this machine's own switch (`chaos.runs.kill_switch`). An
API that is away ends nothing: what cannot be looked at says nothing.

A worker that cancels a run, or ends itself, sends SIGTERM. Prefect would crash the run on it, wherever it is; here it
is one more wish that the run may end well.
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Cancelled

from chaos.analysis.result import Result
from chaos.cli.interrupts import let_the_next_one_kill
from chaos.errors import Interrupted
from chaos.runs import kill_switch as switch
from chaos.runs.cancellation import Stop
from chaos.runs.kill_switch import Halt
from chaos.text.inert import inert
from chaos.verdict import Outcome
from flows.prefect.progress import API_FAILURES
from flows.prefect.states import state_of

VARIABLE = "chaoslab_halt"
CANCELLED = "cancelled in Prefect"
"""How the reason of a stop begins, when the flow run is cancelled; what the state says follows."""
_LOOK_EVERY_S = 1.0
_ANSWERS_WITHIN_S = 2.0


@asynccontextmanager
async def heeded(stop: Stop) -> AsyncIterator[Stop]:
    """A stop of this flow run's own, set while the block lasts: by `stop`, by the switch, or when it is cancelled.

    `stop` is for all that this process does: it is set when a signal tells the process to end. Raises Halted, before
    the block, when experiments are halted here or in Prefect.
    """
    own, current = Stop(), asyncio.current_task()
    abandon = current.cancel if current else own.set
    async with switch.heeded(own), get_client() as client:
        look = _Look(client, flow_run.id)
        if found := await look.halted():
            raise found.refusal()
        tasks = [asyncio.create_task(own.follow(stop)), asyncio.create_task(_watch(look, own))]
        try:
            with _told_by_signal(lambda: tasks.append(asyncio.create_task(_ended(look, stop))), abandon):
                yield own
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def final_state(result: Result) -> State[Any]:
    """The state in which this flow run ends. A run that is being cancelled must end as Cancelled, or it never does."""
    if result.outcome is Outcome.ABORTED and await is_cancelled():
        return Cancelled(message=inert(result.why), data=result.model_dump(mode="json"))
    return state_of(result)


async def state_of_unbegun(error: Interrupted) -> State[Any]:
    """The state in which a flow run ends that was told to before anything had begun. Raises `error`, mostly."""
    if await is_cancelled():
        return Cancelled(message=str(error))
    raise error


async def is_cancelled() -> bool:
    """Whether somebody cancels this flow run."""
    async with get_client() as client:
        return await _Look(client, flow_run.id).cancelled() is not None


async def halted_by(client: PrefectClient) -> Halt | None:
    """Why the variable halts every machine, if it does. Raises what the client raises."""
    variable = await client.read_variable_by_name(VARIABLE)
    return Halt.read(variable.value, f"the variable {VARIABLE} of {client.api_url}") if variable else None


class _Look:
    """What the API says now; nothing when it does not answer."""

    def __init__(self, client: PrefectClient, run: str) -> None:
        self._client = client
        self._run = run
        self._away = False

    async def halted(self) -> Halt | None:
        """Why every machine is halted, if it is."""
        found: Halt | None = await self._answer(lambda: halted_by(self._client))
        return found

    async def cancelled(self) -> str | None:
        """Why this flow run is being cancelled; None when it is not."""
        run = await self._answer(lambda: self._client.read_flow_run(self._run))  # type: ignore[arg-type]
        if not (run and run.state and (run.state.is_cancelling() or run.state.is_cancelled())):
            return None
        return f"{CANCELLED}: {inert(run.state.message)}" if run.state.message else CANCELLED

    async def _answer(self, ask: Callable[[], Any]) -> Any:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_S):
                return await ask()
        except (TimeoutError, *API_FAILURES) as error:
            if not self._away:
                get_run_logger().warning("the switch in Prefect cannot be looked at: %r", error)
            self._away = True
            return None


async def _watch(look: _Look, own: Stop) -> None:
    """Look at both in turn until there is reason to stop."""
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        if found := await look.halted():
            own.set(str(found))
        elif why := await look.cancelled():
            own.set(why)
        else:
            continue
        return


async def _ended(look: _Look, stop: Stop) -> None:
    stop.set(await look.cancelled() or "told to end by a signal")


_told: list[tuple[Callable[[], object], Callable[[], object]]] = []
"""Who of this process wants to hear of the first SIGTERM, and of the second: flows may run side by side, and within
each other."""
_before: Any = None
_heard = 0


@contextmanager
def _told_by_signal(tell: Callable[[], object], abandon: Callable[[], object]) -> Iterator[None]:
    """Call `tell` in this event loop on SIGTERM, in place of whoever would hear of it else; only the main thread can.

    A second one calls `abandon`, a third ends the process at once. Each flow run that begins brings Prefect's own
    handler back, so ours is put in place each time; the last one out leaves what the first one found.
    """
    global _before, _heard
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    mine = (lambda: loop.call_soon_threadsafe(tell), lambda: loop.call_soon_threadsafe(abandon))
    _before = _before if _told else signal.getsignal(signal.SIGTERM)
    _told.append(mine)
    signal.signal(signal.SIGTERM, _tell_all)
    try:
        yield
    finally:
        _told.remove(mine)
        if not _told:
            signal.signal(signal.SIGTERM, _before if _heard < 2 else signal.SIG_DFL)
            _heard = 0


def _tell_all(number: int, frame: FrameType | None) -> None:
    global _heard
    _heard += 1
    if _heard >= 2:
        let_the_next_one_kill()
    for tell, abandon in list(_told):
        (tell if _heard == 1 else abandon)()
