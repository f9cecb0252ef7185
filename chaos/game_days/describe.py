"""Description of a game day's plan: when, what in which order, what decides, what can end it."""

from collections.abc import Iterator
from datetime import datetime

from chaos.game_days.planning import DayPlan
from chaos.game_days.watching import words
from chaos.manifests.models.calendar import next_start, refusal
from chaos.manifests.models.game_day import ByApproval, ByProbe, ByVerdicts, Entry, Stage
from chaos.manifests.overriding import Overrides
from chaos.planning.describe import met_when
from chaos.units import DURATION


def describe_day(plan: DayPlan, now: datetime) -> str:
    """The plan as indented lines."""
    return "\n".join([*_what(plan), *_when(plan, now), *_stages(plan), *_ends(plan)])


def _what(plan: DayPlan) -> Iterator[str]:
    yield f"game day {plan.name}  ({plan.source})"
    yield f"  purpose     {' '.join(plan.spec.purpose.split())}"
    if plan.spec.participants:
        yield f"  with        {', '.join(plan.spec.participants)}"
    yield f"  digest      {plan.digest}"
    yield f"  takes       {DURATION.format(plan.declared_s)} of phases at least"


def _when(plan: DayPlan, now: datetime) -> Iterator[str]:
    schedule = plan.spec.schedule
    if why := refusal(schedule, now):
        yield f"  not now     {why}"
    if schedule.cron is not None:
        then = next_start(schedule, now)
        at = f"next at {then:%Y-%m-%d %H:%M} UTC" if then else "never within its windows"
        yield f"  runs        {schedule.cron} in {schedule.timezone}, {at}"


def _stages(plan: DayPlan) -> Iterator[str]:
    for stage in plan.spec.stages:
        lanes = f", {stage.parallel} at once" if stage.parallel > 1 else ""
        yield f"  stage       {stage.name}{lanes}"
        yield from (f"    {_entry(plan, entry)}" for entry in stage.experiments)
        yield from (f"    then      {gate}" for gate in _gates(stage))


def _entry(plan: DayPlan, entry: Entry) -> str:
    overrides = Overrides(entry.hold, entry.intensity)
    parts = [
        entry.name,
        f"  ({DURATION.format(plan.plans[entry.name].declared_s)})",
        f", {overrides}" if overrides else "",
        f", when it deviates: {entry.on_deviation or plan.spec.on_deviation}",
        f" after {entry.follow_up}" if entry.follow_up else "",
    ]
    return "".join(parts)


def _gates(stage: Stage) -> Iterator[str]:
    for gate in stage.go_no_go:
        match gate:
            case ByVerdicts():
                yield f"goes on when {'all held' if gate.require == 'held' else 'none deviated'}"
            case ByProbe():
                lasting, within = DURATION.format(gate.lasting), DURATION.format(gate.within)
                yield f"goes on when {words(gate)} is {gate.tolerance.tolerance()} for {lasting}, within {within}"
            case ByApproval():
                yield f"asks a person, at most {DURATION.format(gate.within)}: {' '.join(gate.question.split())}"


def _ends(plan: DayPlan) -> Iterator[str]:
    for stop in plan.spec.stop_when:
        yield f"  aborted     when {met_when(words(stop), stop.tolerance.tolerance(), stop.lasting)}"
