"""What `chaoslab run` carries out: the experiments and game days of its files, one after the other."""

import asyncio
import gc
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from chaos.cli.run_experiment import Conduct, Conductor, interruptible
from chaos.cli.run_game_day import ConductDay, DayConductor, interruptible_day
from chaos.errors import ManifestError
from chaos.text.inert import in_json

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.manifests.load import AnyLoaded, LoadedDay
    from chaos.manifests.overriding import Overrides
    from chaos.planning.plan import Plan


def read(found: Sequence[Path]) -> "list[AnyLoaded]":
    """Every manifest of these files, what game days name included. Raises ManifestError with every problem."""
    from chaos.manifests.load import experiments, game_days, load_all

    loaded, wrong = load_all(found)
    if days := game_days(loaded):
        from chaos.manifests.referring import resolve

        wrong += [problem for day in days for problem in resolve(day, experiments(loaded))[1]]
    if wrong:
        raise ManifestError(*wrong)
    return loaded


def plans_of(
    loaded: "Sequence[AnyLoaded]", seed: int | None, overrides: "Overrides", *, anytime: bool = False
) -> "list[Plan | DayPlan]":
    """The plans of all of them. Raises ManifestError and PlanError, NotNow when a day may not begin now."""
    gc.disable()  # what is read in here stays: nothing of it is worth looking for
    from chaos.manifests.load import LoadedDay, experiments
    from chaos.planning.plan import plan

    try:
        known = experiments(loaded)
        return [
            _day_plan(one, known, seed, overrides, anytime)
            if isinstance(one, LoadedDay)
            else plan(one, seed=seed, overrides=overrides)
            for one in loaded
        ]
    finally:
        gc.freeze()
        gc.enable()


def _day_plan(
    day: "LoadedDay", known: "Sequence[AnyLoaded]", seed: int | None, overrides: "Overrides", anytime: bool
) -> "DayPlan":
    from chaos.game_days.deciding import check_time
    from chaos.game_days.planning import plan_day
    from chaos.manifests.load import experiments
    from chaos.manifests.referring import resolve

    if overrides or seed is not None:
        raise ManifestError(
            f"{day.file}: a game day says itself how its experiments run; leave out the options"
        )
    made = plan_day(day, resolve(day, experiments(known))[0])
    check_time(made, datetime.now(UTC), anytime=anytime)
    return made


def day_in_words(day: "LoadedDay", known: "Sequence[AnyLoaded]") -> str:
    """What `chaoslab plan` says of a game day. Raises ManifestError when it cannot be carried out."""
    from chaos.game_days.describe import describe_day
    from chaos.game_days.planning import plan_day
    from chaos.manifests.load import experiments
    from chaos.manifests.referring import resolve

    return describe_day(plan_day(day, resolve(day, experiments(known))[0]), datetime.now(UTC))


def carry_out(plan: "Plan", out: Path, conductor: Conductor, stream: TextIO) -> "tuple[Result, bool]":
    """The result, and whether somebody asked for the end: then nothing more is begun."""
    from chaos.planning.secret_files import sentence
    from chaos.report.console import TerminalProgress, closing_lines

    most = "at most " if plan.series.until_decided else ""
    turns = f", {most}{len(plan.segments())} times" if plan.is_series else ""
    with TerminalProgress(f"{plan.name}{turns}", plan.declared_s, stream) as progress:
        if said := sentence(plan.left_out, plan.work):
            progress.line(said)
        conduct = Conduct(plan, out, progress, progress.line)
        result = asyncio.run(interruptible(conductor, conduct))
    assert conduct.run is not None
    for line in closing_lines(result, conduct.run.folder):
        progress.write(line)
    return result, conduct.stop.is_set()


def carry_out_day(
    plan: "DayPlan", out: Path, conductor: DayConductor, stream: TextIO, *, anytime: bool
) -> "tuple[DayReport, bool]":
    """The same for a game day."""
    from chaos.report.console import TerminalProgress
    from chaos.report.day_lines import closing_lines

    about = f"{plan.name}, {len(plan.planned)} experiments in {len(plan.spec.stages)} stages"
    with TerminalProgress(about, plan.declared_s, stream) as progress:
        conduct = ConductDay(plan, out, progress.line, anytime)
        report = asyncio.run(interruptible_day(conductor, conduct))
    assert conduct.run is not None
    for line in closing_lines(report, conduct.run.folder):
        progress.write(line)
    return report, conduct.stop.is_set()


def as_json(results: "Sequence[Result | DayReport]", *, many: bool) -> str:
    """What `--json` prints."""
    if not many:
        return in_json(results[0].model_dump_json(indent=2))
    return "[\n" + ",\n".join(in_json(result.model_dump_json(indent=2)) for result in results) + "\n]"
