"""What `chaoslab run` carries out: the experiments and game days of its files, one after the other."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from chaos.cli.run_experiment import Executor, interruptible
from chaos.cli.run_game_day import DayExecutor, interruptible_day
from chaos.text.inert import in_json

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.planning.plan import Plan
    from chaos.report.console import TerminalProgress
    from chaos.runner.observer import RunObserver


@contextmanager
def kept_for_good() -> Iterator[None]:
    """What is read in the block stays, so the garbage collector need never look at it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def carry_out(plan: "Plan", out: Path, executor: Executor, stream: TextIO) -> "tuple[Result, bool]":
    """The result, and whether somebody asked for the end: then nothing more is begun."""
    from chaos.planning.secret_files import sentence
    from chaos.report.console import TerminalProgress, closing_lines

    most = "at most " if plan.series.until_decided else ""
    turns = f", {most}{len(plan.segments())} times" if plan.is_series else ""
    with TerminalProgress(f"{plan.name}{turns}", plan.declared_s, stream) as progress:
        if said := sentence(plan.left_out, plan.work):
            progress.line(said)
        observer = _observer(progress)
        observer.on_event = progress
        result = asyncio.run(interruptible(executor, plan, out, observer))
    assert observer.run is not None
    for line in closing_lines(result, observer.run.folder):
        progress.write(line)
    return result, observer.stop.is_set()


def _observer(progress: "TerminalProgress") -> "RunObserver":
    """A person at a terminal."""
    from chaos.runner.observer import RunObserver

    return RunObserver(
        log=progress.line, on_link=lambda link: progress.line(f"live: {link}"), started_by="terminal"
    )


def carry_out_day(
    plan: "DayPlan", out: Path, executor: DayExecutor, stream: TextIO, *, anytime: bool
) -> "tuple[DayReport, bool]":
    """The same for a game day."""
    from chaos.report.console import TerminalProgress
    from chaos.report.day_lines import closing_lines

    about = f"{plan.name}, {len(plan.planned)} experiments in {len(plan.spec.stages)} stages"
    with TerminalProgress(about, plan.declared_s, stream) as progress:
        observer = _observer(progress)
        report = asyncio.run(interruptible_day(executor, plan, out, observer, anytime=anytime))
    assert observer.run is not None
    for line in closing_lines(report, observer.run.folder):
        progress.write(line)
    return report, observer.stop.is_set()


def as_json(results: "Sequence[Result | DayReport]", *, many: bool) -> str:
    """What `--json` prints."""
    if not many:
        return in_json(results[0].model_dump_json(indent=2))
    return "[\n" + ",\n".join(in_json(result.model_dump_json(indent=2)) for result in results) + "\n]"
