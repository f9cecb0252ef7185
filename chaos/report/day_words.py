"""Texts and rows of a game day, for its page and its Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chaos.game_days.day import DayDecision
from chaos.game_days.learnt import DayReport, DayRun, ExperimentChange
from chaos.report import scale
from chaos.report.phrases import NEVER, KeyNumber
from chaos.verdict import Outcome, Verdict

NOTHING = "–"
_ENDED = {
    "completed": "The day was completed",
    "stopped": "The day was stopped",
    "aborted": "The day was aborted",
    "crashed": "The day lost its controller",
    None: "The day was never seen to end",
}
_OUTCOMES = {
    Outcome.ABORTED: "aborted",
    Outcome.NOT_INJECTED: "not injected",
    Outcome.CRASHED: "crashed",
}


@dataclass(frozen=True)
class StageRows:
    """One stage with its experiments, and what was decided after it."""

    name: str
    runs: tuple[DayRun, ...]
    decisions: tuple[DayDecision, ...]


def ended(day: DayReport) -> str:
    """How the day ended and what came of it: `The day was completed · 8 held, 1 deviated`."""
    counts = [f"{sum(run.verdict is each for run in day.runs)} {each}" for each in Verdict]
    counted = [each for each in counts if not each.startswith("0 ")]
    none = sum(run.verdict is None for run in day.runs)
    counted += [f"{none} without a verdict"] if none else []
    counted += [f"{len(day.not_run)} not run"] if day.not_run else []
    return " · ".join([_ENDED[day.ended], ", ".join(counted) or "nothing was run"])


def key_numbers(day: DayReport) -> list[KeyNumber]:
    """What a reader looks for first."""
    score, planned = day.score, len(day.score.counted)
    held = sum(run.verdict is Verdict.HELD and run.follow_up_of is None for run in day.runs)
    proven = sum(each.proven for each in score.counted)
    best = f"of 100; {score.at_most} had the rest held" if score.at_most > score.value else "of 100"
    numbers = [
        KeyNumber("Resilience score", str(score.value), best if proven < planned else "of 100"),
        KeyNumber("Coverage", share(score.coverage), f"{proven} of {planned} proved something"),
        KeyNumber("Held", str(held), f"of {planned} planned"),
        KeyNumber("Lasted", _length(day), _began(day)),
    ]
    return [*numbers, *_recovery(day), *_since(day)]


def share(of_one: float) -> str:
    """Rounded down, as the score is: 100 % is only ever all of it."""
    return f"{int(100 * of_one + 1e-9)}{scale.NBSP}%"


def clock(at: datetime) -> str:
    """`18:03:11`."""
    return f"{at:%H:%M:%S}"


def lasted(run: DayRun) -> str:
    """Its length; a dash when no end was seen."""
    return scale.seconds((run.ended_at - run.started_at).total_seconds()) if run.ended_at else NOTHING


def recovery(run: DayRun) -> str:
    """Of its slowest steady state."""
    if run.never_recovered:
        return NEVER
    return (
        NOTHING if run.recovery_s is None else scale.seconds(run.recovery_s) if run.recovery_s else "at once"
    )


def states(run: DayRun) -> str:
    """`4 of 5` steady states held."""
    return f"{run.steady_states - len(run.broken)} of {run.steady_states}" if run.steady_states else NOTHING


def outcome(run: DayRun) -> str:
    """What else is to be said of how it ended; empty when it completed."""
    if run.outcome is None:
        return "no end was seen"
    return _OUTCOMES.get(run.outcome, "")


def verdict(run: DayRun) -> str:
    """One of the three, or that there is none."""
    return run.verdict.value if run.verdict else "unknown"


def stages(day: DayReport) -> list[StageRows]:
    """The runs by stage. A name may come twice; runs carry the name of theirs and come in the stages' order."""
    return [
        StageRows(stage.name, tuple(run for run in day.runs if run.stage == stage.name), stage.decisions)
        for stage in day.stages
    ]


def decided(decision: DayDecision) -> str:
    """`Go, by approval (ada): looks good`."""
    who = f" ({decision.who})" if decision.who else ""
    words = f": {decision.why}" if decision.why else ""
    return f"{'Go' if decision.go else 'No go'}, by {decision.by}{who}{words}"


def gate(decision: DayDecision) -> str:
    """The sign of a decision, read without colour."""
    return "▶ go" if decision.go else "■ no go"


def times(day: DayReport) -> str:
    """When, how long, and what that was beside the runs."""
    timings = day.timings
    parts = [f"{clock(day.started_at)} to {clock(day.until)} UTC, {_length(day)} in all"]
    if timings.decisions_s:
        parts.append(f"{scale.seconds(timings.decisions_s)} of it for decisions")
    if timings.around_run_s is not None and timings.around_run_most_s is not None:
        most = scale.seconds(timings.around_run_most_s)
        parts.append(
            f"carrying out a run took {scale.seconds(timings.around_run_s)} beside it (median), at most {most}"
        )
    return "; ".join(parts)


def moved(row: ExperimentChange) -> str:
    """`held, then deviated`."""
    if row.now is row.then:
        return f"{row.now or 'not run'}, as then"
    return f"{row.now or 'not run'}, then {row.then or 'not run'}"


def _recovery(day: DayReport) -> Iterator[KeyNumber]:
    lost = [run.experiment for run in day.runs if run.never_recovered]
    if lost:
        yield KeyNumber("Recovered", NEVER, ", ".join(lost))
    known = [run for run in day.runs if run.recovery_s is not None]
    if known:
        slowest = max(known, key=lambda run: run.recovery_s or 0.0)
        yield KeyNumber("Slowest recovery", recovery(slowest), slowest.experiment)


def _since(day: DayReport) -> Iterator[KeyNumber]:
    if previous := day.previous:
        by = day.score.value - previous.score
        change = f"{by:+d}" if by else "±0"
        best = f", at most {previous.at_most}," if previous.at_most > previous.score else ""
        yield KeyNumber(
            "Since the last day", change, f"{previous.score}{best} on {previous.started_at:%-d %B %Y}"
        )


def _length(day: DayReport) -> str:
    return scale.seconds((day.until - day.started_at).total_seconds())


def _began(day: DayReport) -> str:
    return f"from {clock(day.started_at)} UTC"
