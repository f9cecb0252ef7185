"""Run one order from start to end, alone: bring the app up, baseline, method, recovery; stop early when told to.

0. build the wall behind which the app is to live
1. start the processes, with what the faults to come need of them, wait until ready
2. start load, probes and sampler; they run to the end
3. a warm-up, if asked for, of which nothing is judged; baseline; judge it: when it is not steady nothing is injected
4. the method, step after step, in a thread; its faults end by themselves on every path (a control only waits)
5. recovery
Anything that ends the run early sets one future, `_early`; the phases wait on it instead of sleeping.
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chaos.agent import processors
from chaos.agent.judging import BaselineJudge, StopWatch
from chaos.agent.lease import until_told
from chaos.agent.load import OpenLoop
from chaos.agent.membership import Watch
from chaos.agent.memory_view import keep_true
from chaos.agent.place import Place
from chaos.agent.preparing import prepare
from chaos.agent.probing import sample_forever as probe_forever
from chaos.agent.readiness import bring_up, ended_unasked, stay_in_foreground
from chaos.agent.record import Record
from chaos.agent.sampler import Sampler, enforce_forever, sample_forever
from chaos.agent.steps import Steps
from chaos.agent.supervisor import Supervisor
from chaos.agent.wall import Wall, why_not, wish
from chaos.agent.windows import Windows
from chaos.errors import InjectionError, TargetError
from chaos.faults import fault_class
from chaos.probes.base import Probe
from chaos.run_spec.model import RunSpec, WallSpec
from chaos.tolerances import Tolerance

_FAULTS_END_WITHIN_S = 10.0
_WAIT_FOR_LOOKS_S = 10.0
"""So much longer a baseline may last that was looked at too seldom."""


class Ending(NamedTuple):
    """How it ended and why; `because` is what ended the faults."""

    outcome: str
    why: str
    because: str = "stopped"


class Timeline:
    """One order under way."""

    def __init__(
        self, order: RunSpec, folder: Path, record: Record, wall: Wall | OSError | None = None
    ) -> None:
        self._order = order
        self._folder = folder
        self._record = record
        self._windows = Windows()
        self._wall = wall
        self._supervisor = Supervisor(order, record)
        self._place = Place(record.clock, self._windows, self._supervisor, order.app)
        self._steps = Steps(order, self._supervisor, record, folder)
        self._baseline = BaselineJudge.of(order)
        budget = self._supervisor.budget
        self._watch = Watch(lambda: budget.outside(self._supervisor.pids()), record)
        self._stops = StopWatch(order.stop_when)
        self._early: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._phase = ""
        self._seen = asyncio.Event()
        """That a look of the baseline came in."""
        self._since = 0.0
        """When the baseline began: looks that were begun before are not judged."""

    @property
    def memory_kind(self) -> str:
        """Whether the kernel or the agent enforces the memory limit: real or emulated."""
        return self._supervisor.budget.kind

    async def run(self) -> Ending:
        """Do it all; how it ended."""
        loop = asyncio.get_running_loop()
        self._record.on_full = lambda why: loop.call_soon_threadsafe(self._end, "aborted", why)
        told = asyncio.create_task(self._listen())
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, self._end, "aborted", "told to end by a signal"
        )
        enforcing = asyncio.create_task(enforce_forever(self._supervisor, self._record))
        showing = asyncio.create_task(keep_true(self._supervisor.budget))
        try:
            if self._supervisor.budget.kind == "real":
                self._supervisor.budget.prove()
            processors.limit(self._order)
            prepare(self._order, self._supervisor, self._record, self._folder)
            self._enclose()
            return await self._phases()
        except InjectionError as error:
            return Ending("not_injected", str(error))
        except TargetError as error:
            self._record.emit("target.failed", why=str(error))
            return Ending("crashed", str(error))
        finally:
            for task in (told, enforcing, showing):
                task.cancel()
            await asyncio.gather(told, enforcing, showing, return_exceptions=True)
            await self._supervisor.end()

    def _enclose(self) -> None:
        """Have the app's processes started behind the wall. Raises TargetError where there can be none.

        None is for tests of the timeline itself, which run in no sandbox.
        """
        if self._wall is None:
            return
        wanted, supervisor = self._order.wall or WallSpec(), self._supervisor
        try:
            if isinstance(self._wall, OSError):
                raise self._wall
            if not self._wall.begun_building:
                self._wall.begin_building(wish(self._order))
            self._wall.built()
        except OSError as error:
            if not wanted.may_lack or wanted.image:
                raise why_not(error) from error
            self._record.emit("target.confined", ids="none", why=str(why_not(error)))
        else:
            supervisor.spawner = self._wall
            self._record.emit("target.confined", ids=self._wall.kind, why="")

    def _read_faults(self) -> None:
        """Import what the method needs."""
        for step in self._order.method:
            fault_class(step.fault.type)

    async def _phases(self) -> Ending:
        ready = asyncio.create_task(bring_up(self._order, self._supervisor, self._place, self._record))
        reading = asyncio.create_task(asyncio.to_thread(self._read_faults))
        await self._first_of(ready)
        if not ready.done():
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)
            return self._early.result()
        ready.result()
        await self._watch.prove()
        await reading  # before there is anything to disturb
        async with self._observing():
            await self._warm_up()
            if self._early.done():
                return self._early.result()
            async with self._in_phase("baseline"):
                await self._pass(self._order.baseline_s)
                await self._seen_often_enough()
            if self._early.done():
                return self._early.result()
            await stay_in_foreground(self._supervisor)  # some serve before their parent goes
            steady, why = self._baseline.verdict()
            if not steady and (ended := await ended_unasked(self._supervisor)):
                why = f"{why}; {ended}"
            self._record.emit("baseline.judged", steady=steady, why=why)
            if not steady:
                return Ending("not_injected", why)
            async with self._in_phase("fault"):
                await self._fault_phase()
            if self._steps.failed and not self._early.done():
                outcome = "completed" if self._steps.injected else "not_injected"
                self._end(outcome, self._steps.failed)
            if not self._early.done():
                async with self._in_phase("recovery"):
                    await self._pass(self._order.recovery_s)
        return (
            self._early.result() if self._early.done() else Ending("completed", "every phase ran to its end")
        )

    async def _seen_often_enough(self) -> None:
        """Wait for looks that were drawn at the very end of the baseline, where without them there are too few."""
        probes = [state.probe for state in self._order.steady_state]
        longest_s = max((probe.every + probe.longest_s for probe in probes), default=0.0)
        until = time.monotonic() + min(longest_s, _WAIT_FOR_LOOKS_S)
        while not self._baseline.enough and not self._early.done() and time.monotonic() < until:
            self._seen.clear()
            seen = asyncio.create_task(self._seen.wait())
            either: list[asyncio.Future[Any]] = [self._early, seen]
            left_s = max(0.0, until - time.monotonic())
            await asyncio.wait(either, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            seen.cancel()

    async def _warm_up(self) -> None:
        """Let the app get warm under load; what its windows saw of that is no metric of the baseline."""
        if warmup_s := self._order.warmup_s:
            async with self._in_phase("warmup"):
                await self._pass(warmup_s)
            self._windows.forget()

    async def _fault_phase(self) -> None:
        if not self._order.control:
            await self._carry_out_method()
            return
        lasts_s = (self._order.declared_s or 0.0) - self._order.around_s
        self._record.emit("fault.withheld", lasts_s=round(lasts_s, 6))
        await self._pass(lasts_s)

    async def _carry_out_method(self) -> None:
        method = asyncio.create_task(asyncio.to_thread(self._steps.carry_out_all))
        await self._first_of(method)
        if self._early.done():
            self._steps.why_stopping = self._early.result().because
            self._steps.stopping.set()
        done, _ = await asyncio.wait(
            [method], timeout=None if not self._early.done() else _FAULTS_END_WITHIN_S
        )
        if not done:
            self._record.emit(
                "fault.failed", step="*", fault="*", stage="recover", why="a fault did not end in time"
            )
            return
        method.result()

    @contextlib.asynccontextmanager
    async def _observing(self) -> AsyncIterator[None]:
        """Load, probes, stop conditions and sampler, from before the baseline to after the recovery."""
        until = asyncio.Event()
        tasks = [asyncio.create_task(work) for work in self._observers(until)]
        for task in tasks:
            task.add_done_callback(self._observer_ended)
        try:
            yield
        finally:
            until.set()
            endless = [tasks.pop(), tasks.pop()]
            for task in endless:
                task.cancel()
            await asyncio.gather(*endless, return_exceptions=True)
            await asyncio.gather(*tasks)

    def _observers(self, until: asyncio.Event) -> list[Any]:
        work: list[Any] = []
        order = self._order
        if order.load:
            loop = OpenLoop(order.load, self._on_load, self._windows, self._record.clock, order.seed)
            work.append(loop.run(until))
        for state in order.steady_state:
            work.append(self._looking(state.name, state.probe.made(), state.accepted, until))
        for index, stop in enumerate(order.stop_when):
            probe = stop.probe.made()
            work.append(self._looking(f"stop:{index}", probe, stop.accepted, until, written=False))
        sampler = Sampler(self._supervisor, order.disk_paths)
        work.append(sample_forever(sampler, order.sample_hz, self._record, self._on_usage))
        work.append(self._watch.forever())
        return work

    def _looking(
        self, name: str, probe: Probe, tolerance: Tolerance, until: asyncio.Event, *, written: bool = True
    ) -> Coroutine[Any, Any, None]:
        reads, seed = written and tolerance.reads_text, self._order.seed
        emit, clock, heard, place = self._record.emit, self._record.clock, self._on_probe, self._place
        return probe_forever(
            name, probe, clock, emit, heard, place, until, read_body=reads, tolerance=tolerance, seed=seed
        )

    def _observer_ended(self, task: "asyncio.Task[None]") -> None:
        """An observer that fails is our own crash, and must not pass for a quiet target."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end("crashed", f"an observer failed: {type(error).__name__}: {error}")

    def _on_probe(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> None:
        if self._phase == "warmup" or at < self._since:
            return
        if name.startswith("stop:"):
            trip = self._stops.sample(name, at, value, error, took_s)
            if trip and not self._early.done():
                self._record.emit("stop.tripped", condition=name, why=trip)
                self._end("aborted", f"stop condition: {trip}", "stop condition")
        elif self._phase == "baseline":
            self._baseline.sample(name, at, value, error, took_s)
            self._seen.set()

    def _on_load(self, what: str, at: float | None = None, /, **said: Any) -> None:
        """What the generator tells; the requests of the baseline are judged with it."""
        self._record.emit(what, at, **said)
        if self._phase == "baseline" and what == "load.sampled" and at is not None:
            self._baseline.request(at, said)

    def _on_usage(self, _at: float, sample: Mapping[str, Any]) -> None:
        now = self._record.clock.now()
        self._windows.used(now, sample["cpu_percent"] / 100, sample["memory_percent"] / 100)

    async def _listen(self) -> None:
        what, why = await until_told(self._folder, self._order.lease_s)
        self._record.emit(what, why=why)
        because = "lease" if what == "controller.lost" else "stopped"
        self._end("aborted", why, because)

    @contextlib.asynccontextmanager
    async def _in_phase(self, name: str) -> AsyncIterator[None]:
        self._phase = name
        if name == "baseline":
            self._since = self._record.clock.now()
        self._record.emit("phase.started", phase=name)
        try:
            yield
        finally:
            self._record.emit("phase.ended", phase=name)
            self._phase = ""

    async def _pass(self, seconds: float) -> None:
        """Let time pass, or less when the run ends early."""
        until = time.monotonic() + seconds
        await asyncio.wait([self._early], timeout=max(0.0, until - time.monotonic()))

    async def _first_of(self, task: "asyncio.Task[None]") -> None:
        """Wait for the task or for an early end, whichever comes first."""
        either: list[asyncio.Future[Any]] = [task, self._early]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)

    def _end(self, outcome: str, why: str, because: str = "stopped") -> None:
        if not self._early.done():
            self._early.set_result(Ending(outcome, why, because))
