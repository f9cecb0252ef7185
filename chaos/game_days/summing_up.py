"""Summary of a game day: from its record and the results of its runs to its result. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from chaos.analysis.result import Result
from chaos.analysis.verdict import delivered_words, sentence
from chaos.explain.rules import recovery_time_s
from chaos.game_days.advice import merged
from chaos.game_days.day import Day, Ran
from chaos.game_days.learnt import Acting, BrokenSteadyState, DayReport, DayRun, DayStage
from chaos.game_days.score import score
from chaos.game_days.timings import timings
from chaos.verdict import Verdict


def summed_up(day: Day, results: Mapping[str, Result], reports: Mapping[str, str]) -> DayReport:
    """The report; `results` and the addresses of their pages, `reports`, are by run id."""
    runs = tuple(
        _run(stage.name, ran, results.get(ran.run_id or ""), reports.get(ran.run_id or ""))
        for stage in day.stages
        for ran in stage.ran
    )
    return DayReport(
        run_id=day.run_id,
        game_day=day.name,
        purpose=day.purpose,
        digest=day.digest,
        commit=day.commit,
        participants=day.participants,
        notes=day.notes,
        started_at=day.started_at,
        ended_at=day.ended_at,
        ended=day.ended,
        ended_because=day.why,
        verdict=day.verdict,
        exit_code=day.exit_code,
        why=_why(day),
        score=score(day, results),
        stages=tuple(
            DayStage(
                name=stage.name,
                started_at=stage.started_at,
                ended_at=stage.ended_at,
                decisions=stage.decisions,
            )
            for stage in day.stages
        ),
        runs=runs,
        not_run=day.not_run,
        timings=timings(day, results),
        recommendations=merged(
            results[ran.run_id] for ran in day.ran if ran.run_id and ran.run_id in results
        ),
    )


def _why(day: Day) -> str:
    """What the verdict rests on."""
    if day.verdict is Verdict.HELD:
        return (
            f"Everything that was planned ran and held: {len(day.ran)} experiment{'s' * (len(day.ran) != 1)}."
        )
    worst = listed(each.experiment for each in day.ran if each.verdict is day.verdict)
    if day.verdict is Verdict.DEVIATED:
        return f"{worst} deviated."
    silent = listed(each.experiment for each in day.ran if each.verdict is None)
    lacking = (
        (worst, "proved nothing"),
        (silent, "ended without a verdict"),
        (listed(day.not_run), "did not run"),
    )
    parts = [f"{names} {what}" for names, what in lacking if names]
    return sentence("; ".join(parts)) if parts else "The day was not completed."


def listed(names: Iterable[str]) -> str:
    """`“a”, “b” and “c”`; each once."""
    *most, last = [f"“{name}”" for name in dict.fromkeys(names)] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def _run(stage: str, ran: Ran, result: Result | None, report: str | None) -> DayRun:
    known = DayRun(
        stage=stage,
        experiment=ran.experiment,
        run_id=ran.run_id,
        outcome=ran.outcome,
        verdict=ran.verdict,
        why=ran.why or (result.why if result else ""),
        started_at=ran.started_at,
        ended_at=ran.ended_at,
        flow_run=ran.flow_run,
        follow_up_of=ran.follow_up_of,
        report=report,
    )
    return known.model_copy(update=_learnt(result)) if result else known


def _learnt(result: Result) -> dict[str, object]:
    analysis = result.analysis
    return {
        "digest": result.digest,
        "hypothesis": result.hypothesis,
        "severity": analysis.severity if analysis else None,
        "summary": analysis.credited if analysis else "",
        "delivered": tuple(
            f"{step.name}: {delivered_words(step)}" for step in result.steps if step.injected_at
        ),
        "acting": tuple(_acting(result)),
        "steady_states": len(result.steady_state),
        "broken": tuple(
            BrokenSteadyState(name=state.name, verdict=state.verdict, why=state.why)
            for state in result.steady_state
            if state.verdict is not Verdict.HELD
        ),
        "recovery_s": recovery_time_s(result),
        "never_recovered": any(
            state.resolution_seconds is not None and state.recovery_time_seconds is None
            for state in result.steady_state
        ),
    }


def _acting(result: Result) -> Iterator[Acting]:
    """One whose end nobody saw acted until the run's end, as far as is known."""
    for step in result.steps:
        if step.injected_at is not None:
            end = datetime.fromisoformat(step.recovered_at or result.ended_at)
            start = datetime.fromisoformat(step.injected_at)
            yield Acting(step=step.name, fault=step.fault, start=start, end=max(start, end))
