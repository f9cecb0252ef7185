"""Conductor of one game day, shared by the command line and the Prefect flow.

1. begin      the day's folder and the first line of its journal
2. stages     in order; of each its experiments, so many at once, each followed up when it deviates
3. go/no-go   between stages: verdicts, probes, people
4. end        the last line, whatever happened

Beside 2 and 3 the day's stop conditions are looked at. Whatever ends the day (they, the switch, a person) sets its
stop: running experiments end as aborted with their faults undone, and nothing more is begun.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from chaos.analysis.result import Result
from chaos.errors import ChaosLabError, Interrupted
from chaos.game_days import record
from chaos.game_days.day import By, Day, Ended, Ran
from chaos.game_days.deciding import Answer, by_verdicts
from chaos.game_days.planning import DayPlan
from chaos.game_days.watching import is_well, watch
from chaos.manifests.models.calendar import refusal
from chaos.manifests.models.game_day import ByApproval, ByProbe, ByVerdicts, Entry, Stage
from chaos.planning.plan import Plan
from chaos.runner.observer import RunObserver
from chaos.runner.retries import unless
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict


class Executor(Protocol):
    """Who does what only the caller can: in Prefect, or without."""

    async def run(self, plan: Plan, observer: RunObserver) -> Result:
        """Carry out one experiment. Raises ChaosLabError when it comes to no result."""

    async def ask(self, stage: str, gate: ByApproval) -> Answer:
        """Ask a person, no longer than `gate.within`; nobody's answer is no."""

    async def show(self, day: Day) -> None:
        """Hear how far the day has got."""


async def conduct(plan: DayPlan, run: Run, executor: Executor, stop: Stop, *, anytime: bool = False) -> Day:
    """The whole day. Raises nothing but what a bug or a cancellation raises: then the journal says so, too."""
    journal = record.journal_of(run.folder)
    _begin(plan, run, journal)
    course = _Course(plan, journal, executor, stop, anytime)
    watching = asyncio.create_task(watch(plan.spec.stop_when, course.tripped))
    with _ended(journal, course):
        try:
            for stage in plan.spec.stages:
                await course.stage(stage)
                if course.over:
                    break
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    return record.fold(journal.events())


def _begin(plan: DayPlan, run: Run, journal: Journal) -> None:
    spec = plan.spec
    record.append(
        journal,
        "day.started",
        run_id=run.id,
        name=plan.name,
        purpose=spec.purpose,
        digest=plan.digest,
        participants=spec.participants,
        notes=spec.notes or "",
        commit=plan.commit,
        planned=[
            {"stage": stage.name, "experiments": [entry.name for entry in stage.experiments]}
            for stage in spec.stages
        ],
        weights={name: entry.weight for name, entry in plan.entries.items() if entry.weight != 1},
        source=plan.source,
    )


@contextmanager
def _ended(journal: Journal, course: "_Course") -> Iterator[None]:
    """Write the last line, whatever happens in the block."""
    ended: Ended = "crashed"
    why = ""
    try:
        yield
        ended, why = course.end()
    except asyncio.CancelledError:
        ended, why = "aborted", "abandoned: nobody waited for the end"
        raise
    except BaseException as error:
        why = f"our own failure: {str(error) or type(error).__name__}"
        raise
    finally:
        record.append(journal, "day.ended", ended=ended, why=why)


@dataclass(slots=True)
class _Course:
    """How the day goes."""

    plan: DayPlan
    journal: Journal
    executor: Executor
    stop: Stop
    anytime: bool
    over: str = ""
    """Why nothing more is begun; empty while the day goes on."""
    ended: Ended = "completed"
    condition: bool = False
    """Whether it was a stop condition of the day that set the stop."""
    results: dict[str, Result] = field(default_factory=dict)

    def end(self) -> tuple[Ended, str]:
        """How it ended; a day that was to stop when nothing was left to do has done everything."""
        if self.ended == "stopped" and not record.fold(self.journal.events()).not_run:
            return "completed", ""
        return self.ended, self.over

    def tripped(self, why: str) -> None:
        """A stop condition of the day is met."""
        self.condition = True
        self.stop.set(f"stop condition of the game day: {why}")

    async def stage(self, stage: Stage) -> None:
        """Its experiments, then whether the next stage may begin."""
        self._tell("stage.started", stage=stage.name)
        free = asyncio.Semaphore(stage.parallel)

        async def turn(entry: Entry) -> None:
            async with free:
                await self._entry(stage, entry)

        async with asyncio.TaskGroup() as group:
            for entry in stage.experiments:
                group.create_task(turn(entry))
        self._tell("stage.ended", stage=stage.name)
        if not self.over and not self.stop.is_set():
            await self._decide(stage)
        if self.stop.is_set() and self.ended != "aborted":
            self._stopped(stage)
        await self._show()

    async def _entry(self, stage: Stage, entry: Entry, follow_up_of: str | None = None) -> None:
        """One experiment, unless the day is over; its follow-up, when it deviates."""
        if not self._may_begin(follow_up_of):
            return
        result = await self._run(stage, entry, follow_up_of)
        if result is None or result.verdict is not Verdict.DEVIATED:
            return
        if not self.over and (entry.on_deviation or self.plan.spec.on_deviation) == "stop":
            self.ended, self.over = "stopped", f"{entry.name} deviated: {result.why}"
        if entry.follow_up is not None:
            await self._entry(stage, self.plan.entries[entry.follow_up], entry.name)

    def _may_begin(self, follow_up_of: str | None) -> bool:
        """A follow-up belongs to what deviated, and runs though nothing else is begun any more."""
        if self.stop.is_set():
            return False
        if not self.over and not self.anytime:
            why = refusal(self.plan.spec.schedule, datetime.now(UTC))
            if why:
                self.ended, self.over = "stopped", f"the time in which it may run is over: {why}"
                return False
        return not self.over or follow_up_of is not None

    async def _run(self, stage: Stage, entry: Entry, follow_up_of: str | None) -> Result | None:
        name = entry.name
        which = {"experiment": name, "follow_up_of": follow_up_of}
        self._tell("experiment.begun", stage=stage.name, **which)
        await self._show()

        def began(run: Run) -> None:
            self._tell("experiment.found", **which, run_id=run.id, folder=str(run.folder))

        observer = RunObserver(on_begin=began, started_by="game day")
        following = asyncio.create_task(observer.stop.follow(self.stop))
        result: Result | None = None
        said: dict[str, Any] = {"outcome": Outcome.CRASHED, "verdict": Verdict.INCONCLUSIVE}
        try:
            result = self.results[name] = await self.executor.run(self.plan.plans[name], observer)
            said = {"run_id": result.run_id, "outcome": result.outcome, "verdict": result.verdict}
            said |= {"why": result.why, "flow_run": result.links.prefect}
        except Interrupted as error:
            said |= {"outcome": Outcome.ABORTED, "why": str(error)}
        except ChaosLabError as error:
            said |= {"why": str(error) or type(error).__name__}
        finally:
            following.cancel()
            self._tell("experiment.ended", **which, **({"why": "abandoned"} | said))
        await self._show()
        return result

    async def _decide(self, stage: Stage) -> None:
        """Ask every gate in turn; the first that says no ends the day."""
        for gate in stage.go_no_go:
            try:
                answer, by = await unless(self.stop, self._ask(stage, gate))
            except Interrupted:
                return
            self._decided(stage, answer.go, by, answer.why, answer.who)
            if not answer.go:
                self.ended, self.over = "stopped", f"no-go after {stage.name}, by {by}: {answer.why}"
                return

    async def _ask(self, stage: Stage, gate: ByVerdicts | ByProbe | ByApproval) -> tuple[Answer, By]:
        match gate:
            case ByVerdicts():
                return by_verdicts(gate, self._ran(stage)), "verdicts"
            case ByProbe():
                return Answer(*(await is_well(gate))), "probe"
        within = gate.within
        self._tell("approval.asked", stage=stage.name, question=gate.question, within_s=within)
        return await self.executor.ask(stage.name, gate), "approval"

    def _stopped(self, stage: Stage) -> None:
        by: By = "stop condition" if self.condition else "switch"
        self.ended, self.over = "aborted", self.stop.why
        self._decided(stage, False, by, self.stop.why, None)

    def _decided(self, stage: Stage, go: bool, by: By, why: str, who: str | None) -> None:
        self._tell("decision.made", stage=stage.name, go=go, by=by, why=why, who=who)

    def _ran(self, stage: Stage) -> Sequence[Ran]:
        day = record.fold(self.journal.events())
        return next(each.ran for each in day.stages if each.name == stage.name)

    async def _show(self) -> None:
        await self.executor.show(record.fold(self.journal.events()))

    def _tell(self, type_: str, **data: Any) -> None:
        record.append(self.journal, type_, **data)
