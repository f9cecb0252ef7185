"""The one pipeline: the order in which a plan is carried out, whoever asks for it.

1. admitted     the kill switch is off, and the repository's policy allows one more run
2. begun        the run has its folder; from now on it is delivered elsewhere, where that is configured
3. sandbox, inject, collect, and the end of the trial; once for each trial and control
4. analyze      journal -> result.json
5. visualize    report and dashboard; what cannot be shown changes no verdict
6. published    the run's history, notices

`execute` is that order; `Stages` is what each stage does in this process. Who has more to do overrides a stage:
`chaos.publish.stages` shows and delivers, `flows.experiment.stages` makes a Prefect task of each.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.errors import ChaosLabError, PublishError
from chaos.planning.plan import Plan
from chaos.runner.closing import concluded
from chaos.runner.concurrency import in_turn
from chaos.runner.observer import RunObserver
from chaos.runner.retries import with_retries
from chaos.runner.stages import analyze, collect, inject, open_sandbox
from chaos.runs.active import registered
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run
from chaos.runs.kill_switch import heeded
from chaos.sandboxes import SandboxRef

if TYPE_CHECKING:
    from chaos.analysis.judged import JudgedTrial
    from chaos.analysis.result import Result

    Conclude = Callable[[Result], Awaitable[Result]]


class Stages:
    """What each stage of one run does in this process, as far as the verdict needs it. Nothing leaves."""

    external_run_id: str | None = None
    """What somebody else calls this run: the id of a flow run."""

    def __init__(self, observer: RunObserver | None = None) -> None:
        self.observer = observer or RunObserver()

    @asynccontextmanager
    async def admitted(self, plan: Plan) -> AsyncIterator[Stop]:
        """What ends the run early, while the block lasts. Raises Halted, and Interrupted while it waits."""
        stop = self.observer.stop
        async with heeded(stop), in_turn(plan.at_once, self.observer.log, stop):
            yield stop

    async def begun(self, plan: Plan, run: Run) -> None:
        """The run has its folder."""

    @asynccontextmanager
    async def delivered(self, run: Run) -> AsyncIterator["Conclude"]:
        """What is brought elsewhere while the run lasts; what is given delivers its end, and says what came of it."""
        yield _unchanged

    @asynccontextmanager
    async def accompanied(self, plan: Plan, run: Run) -> AsyncIterator[None]:
        """What goes on beside all trials."""
        yield

    async def sandbox(self, trial: Plan, run: Run, stop: Stop) -> SandboxRef:
        """Open the sandbox, with the app in it; the only stage that is tried again."""
        return await with_retries(trial.retries, lambda: open_sandbox(trial, run, stop), stop)

    async def inject(self, trial: Plan, run: Run, ref: SandboxRef) -> None:
        """Start the agent, which carries out the timeline by itself; at most once a trial."""
        await inject(trial, run, ref)

    async def collect(self, trial: Plan, run: Run, ref: SandboxRef, stop: Stop) -> None:
        """Follow the agent's journal to its end."""
        await collect(run, ref, self.observer.on_event, stop)

    async def analyze(self, run: Run) -> "Result":
        """Judge the journal and put it into words."""
        return analyze(run)

    async def visualize(self, run: Run, result: "Result") -> "Result":
        """Draw what people look at; the result with its links. Raises PublishError."""
        return result

    async def published(self, run: Run, result: "Result") -> None:
        """The run is over: whoever wants to know of it is told. Raises nothing."""


async def _unchanged(result: "Result") -> "Result":
    return result


async def execute(plan: Plan, stages: Stages, out: Path) -> "Result":
    """Carry out the plan, with a folder for the run in `out`, and judge it.

    Raises Halted, Interrupted while it waits for its turn, and ChaosLabError when the disk refuses.
    """
    async with stages.admitted(plan) as stop:
        run = Run.new(plan.name, out)
        with registered(run, stages.external_run_id):
            stages.observer.begun(run)
            await stages.begun(plan, run)
            async with stages.delivered(run) as conclude:
                result = await conclude(await _judged(plan, run, stages, stop))
    await stages.published(run, result)
    return result


async def _judged(plan: Plan, run: Run, stages: Stages, stop: Stop) -> "Result":
    """Stages 3 to 5."""
    try:
        async with stages.accompanied(plan, run):
            await carry_out(plan, run, stages, stop)
    except asyncio.CancelledError:
        analyze(run)  # a run that is abandoned leaves its result as well
        raise
    result = await stages.analyze(run)
    try:
        return await stages.visualize(run, result)
    except PublishError as error:
        stages.observer.log(f"no report: {error}")
        _keep(run, result, stages.observer)
        return result


def _keep(run: Run, result: "Result", observer: RunObserver) -> None:
    """What would have been written beside the report; a disk that refuses has the result of the rules by now."""
    try:
        run.keep_result(result.model_dump_json(indent=2))
    except ChaosLabError as error:
        observer.log(str(error))


async def carry_out(plan: Plan, run: Run, stages: Stages, stop: Stop) -> None:
    """Stage 3 of every trial, until one ends the series or it is decided."""
    for trial in turns(plan, run):
        await carry_out_trial(trial, run, stages, stop)


async def carry_out_trial(trial: Plan, run: Run, stages: Stages, stop: Stop) -> None:
    """Stage 3 of one trial. Failures on our side end up in the journal, not in the air."""
    async with concluded(run):
        ref = await stages.sandbox(trial, run, stop)
        await stages.inject(trial, run, ref)
        await stages.collect(trial, run, ref, stop)


def turns(plan: Plan, run: Run) -> Iterator[Plan]:
    """Every trial and control to carry out, until one ends the series, or all that were so far decide it."""
    so_far: list[JudgedTrial] = []
    for segment in plan.segments():
        yield segment
        if not _goes_on(plan, run, so_far):
            return


def _goes_on(plan: Plan, run: Run, so_far: "list[JudgedTrial]") -> bool:
    """Whether another trial may follow the last one, which is judged and added where that may end the series."""
    from chaos.analysis.outcome import may_follow
    from chaos.analysis.record import Record

    last = run.journal.latest()
    if not plan.series.until_decided:
        return may_follow(Record(last))
    from chaos.analysis.judgement import judge_segment
    from chaos.analysis.trials_verdict import decided

    so_far.append(judge_segment(last))
    return so_far[-1].may_follow and not decided(so_far)
