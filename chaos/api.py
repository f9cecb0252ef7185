"""Python API: what the command line does, for programs. See docs/python.md.

load     files -> manifests, or every problem with its place
plan     a manifest -> a plan, or every reason why it cannot be carried out here
run      a plan -> a result: in this process, with no server; `run_sync` for programs without an event loop, `plan_day`
         and `run_day` for game days
judge    a journal -> a result, offline: by the same rules the same verdict
explain  a result in the words of another analyzer
report   the pages of a run, drawn again from its folder

Public are these functions, what they take and return, and `chaos.errors`, `chaos.events`, `chaos.verdict`. All else may
change with any version.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chaos.errors import ChaosLabError, ManifestError, SpecError
from chaos.verdict import RULES

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.manifests.load import AnyLoaded, Loaded, LoadedDay
    from chaos.manifests.reading import Manifests
    from chaos.planning.plan import Plan
    from chaos.runner.observer import RunObserver

    T = TypeVar("T", Loaded, LoadedDay)

# Each function imports what it needs itself: reading this module costs a program, and `chaoslab --help`, nothing, and
# who validates manifests reads neither runner nor reports.


def load(*paths: str | Path) -> "Manifests":
    """Every manifest of these files, and below these directories; what game days name included.

    Raises ManifestError with every problem: file, line, column, what is wrong, what is allowed.
    """
    from chaos.manifests.reading import read

    return read(paths)


def plan(
    manifests: "Manifests | Loaded | str | Path",
    name: str | None = None,
    *,
    seed: int | None = None,
    hold: str | None = None,
    intensity: str | None = None,
) -> "Plan":
    """What a run of the experiment would do. `name` is needed only when there are several.

    `hold` (such as `30s`) and `intensity` (`low`, `medium`, `high`) are for every step, in place of the manifest's own.
    Raises ManifestError, and PlanError with every reason why it cannot or must not be carried out here.
    """
    from chaos.manifests.load import Loaded
    from chaos.manifests.overriding import Overrides
    from chaos.planning.plan import plan

    if isinstance(manifests, str | Path):
        manifests = load(manifests)
    loaded = manifests if isinstance(manifests, Loaded) else _one(manifests.experiments, name, "experiment")
    return plan(loaded, seed=seed, overrides=Overrides.read(hold, intensity))


def plan_day(manifests: "Manifests | str | Path", name: str | None = None) -> "DayPlan":
    """What a game day would do. Raises ManifestError with every reason why any part of it cannot be done here."""
    from chaos.game_days.planning import plan_day

    if isinstance(manifests, str | Path):
        manifests = load(manifests)
    day = _one(manifests.game_days, name, "game day")
    return plan_day(day, manifests.named[day.manifest.metadata.name])


def plan_all(
    manifests: "Manifests",
    *,
    seed: int | None = None,
    hold: str | None = None,
    intensity: str | None = None,
    anytime: bool = False,
) -> "list[Plan | DayPlan]":
    """The plans of all of them, in their order. Raises ManifestError, and NotNow when a day may not begin now."""
    from chaos.manifests.load import Loaded

    return [
        plan(each, seed=seed, hold=hold, intensity=intensity)
        if isinstance(each, Loaded)
        else _day_now(manifests, each, {"seed": seed, "hold": hold, "intensity": intensity}, anytime)
        for each in manifests.all
    ]


async def run(
    plan: "Plan", out: str | Path = "runs", *, observer: "RunObserver | None" = None, publish: bool = True
) -> "Result":
    """Carry it out in this process, with a folder for it in `out`: a system that deviates is a value, not an error.

    `observer` is told what happens, and can end it early. Without `publish` nothing leaves the run's folder, which then
    holds its journal and its result. Raises Halted, Interrupted, and ChaosLabError for failures of ours.
    """
    from chaos.runner.pipeline import Stages, execute

    if not publish:
        return await execute(plan, Stages(observer), Path(out))
    from chaos.publish.stages import PublishedStages

    return await execute(plan, PublishedStages(observer), Path(out))


async def run_day(
    plan: "DayPlan",
    out: str | Path = "runs",
    *,
    observer: "RunObserver | None" = None,
    publish: bool = True,
    anytime: bool = False,
) -> "DayReport":
    """The same for a game day; `anytime` runs it outside of its windows, or in a blackout.

    Raises NotNow when it may not begin, and PlanError when a person is to be asked: that needs Prefect.
    """
    from chaos.game_days.pipeline import DayStages, execute_day

    if not publish:
        return await execute_day(plan, DayStages(Path(out), observer), anytime=anytime)
    from chaos.publish.day_stages import PublishedDayStages

    return await execute_day(plan, PublishedDayStages(Path(out), observer), anytime=anytime)


def run_sync(
    plan: "Plan", out: str | Path = "runs", *, observer: "RunObserver | None" = None, publish: bool = True
) -> "Result":
    """`run` for a program that has no event loop."""
    return asyncio.run(run(plan, out, observer=observer, publish=publish))


def judge(journal: str | Path, *, rules: int = RULES) -> "Result":
    """What a journal amounts to: by the same rules the same verdict. Writes nothing.

    `journal` is the file, or the folder of a run. Raises ChaosLabError when it is none.
    """
    from chaos.runner.stages import judged
    from chaos.runs.journal import Journal

    file = _journal(journal)
    events = list(Journal(file).events())
    if not events:
        raise ChaosLabError(f"{file}: no event in it; a journal begins with run.started")
    try:
        return judged(events, file.absolute().parent, rules)
    except SpecError as error:
        raise SpecError(f"{file}: {error}") from error


async def explain(result: "Result", journal: str | Path, analyzer: str = "auto") -> "Result":
    """The result in the words of that analyzer: `rules`, `groq`, `llm`, or `auto`, which takes what is set up.

    Outcome, verdict and numbers stay. An analyzer that cannot answer leaves the rules' words, with a note.
    """
    from chaos.explain import ANALYZERS
    from chaos.explain.select import said_by
    from chaos.runs.journal import Journal

    if analyzer not in ("auto", *ANALYZERS):
        raise ChaosLabError(f"no analyzer is called '{analyzer}'; there are: auto, {', '.join(ANALYZERS)}")
    return await said_by(analyzer, result, lambda: list(Journal(_journal(journal)).events()))


def report(folder: str | Path) -> "Result":
    """Draw report.html and dashboard.json of a run again, from its folder; the result with its links.

    Raises PublishError when it is no folder of a run, or cannot be written.
    """
    from chaos.publish.report import revisit, visualize

    return visualize(*revisit(Path(folder)))


def _journal(path: str | Path) -> Path:
    return Path(path) / "journal.ndjson" if Path(path).is_dir() else Path(path)


def _one(found: "Sequence[T]", name: str | None, what: str) -> "T":
    by_name = {each.manifest.metadata.name: each for each in found}
    if name is None and len(by_name) == 1:
        return next(iter(by_name.values()))
    if name in by_name:
        return by_name[name]
    known = ", ".join(by_name) or "none"
    raise ManifestError(f"say which {what} by its name; there are: {known}")


def _day_now(
    manifests: "Manifests", day: "AnyLoaded", options: Mapping[str, object], anytime: bool
) -> "DayPlan":
    """A day that is to begin now, without options, which are for experiments."""
    from chaos.game_days.deciding import check_time

    if any(value is not None for value in options.values()):
        raise ManifestError(
            f"{day.file}: a game day says itself how its experiments run; leave out the options"
        )
    made = plan_day(manifests, day.manifest.metadata.name)
    check_time(made, datetime.now(UTC), anytime=anytime)
    return made
