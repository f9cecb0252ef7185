"""Judge a run: outcome × verdict, the first reason that decides, and everything a report shows.

1. Read the events: phases, fault windows, requests, looks.
2. The outcome: how the run itself ended.
3. Every step: did its fault land, for its time, without residue.
4. The run's own health: generator, clock.
5. Every steady state, given all that.
6. The verdict: first reason wins (docs/verdicts.md).
7. Of several trials, each by itself, then all together (`chaos.analysis.trials`).

Pure: the same events give the same result, anywhere and at any time. A journal cut off anywhere is judged as
far as it goes, and is never `held`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chaos.analysis import lives, trust
from chaos.analysis.accounting import unaccounted
from chaos.analysis.case import Case, Circumstances
from chaos.analysis.control import decide_control, is_control, reference
from chaos.analysis.control import doubts as withheld_doubts
from chaos.analysis.fidelity import StepJudged, judge_steps
from chaos.analysis.health import RunHealth, examine
from chaos.analysis.judged import JudgedTrial
from chaos.analysis.latency import requests, summarise
from chaos.analysis.logs import counts, excerpt
from chaos.analysis.looks import PlannedSteadyState, data_of, looks_of
from chaos.analysis.moments import iso
from chaos.analysis.outcome import may_follow, outcome
from chaos.analysis.record import Record
from chaos.analysis.result import (
    FindingResult,
    LoadSummary,
    PhaseResult,
    Result,
    SandboxResult,
    SteadyStateResult,
    Timings,
)
from chaos.analysis.rules1 import by_old_rules
from chaos.analysis.significance import Tests
from chaos.analysis.standstill import awake
from chaos.analysis.starvation import StarvationRecord
from chaos.analysis.steady_state import judge_state
from chaos.analysis.timeline import Timeline
from chaos.analysis.trials import together
from chaos.analysis.usage import peaks
from chaos.analysis.verdict import decide
from chaos.events import Event, segments
from chaos.run_spec.model import RunSpec
from chaos.statistics.latencies import Request
from chaos.verdict import RULES, Verdict


def judge(events: Sequence[Event], rules: int = RULES) -> Result:
    """The result of the run that wrote these events."""
    judged = [judge_segment(segment, rules) for segment in segments(events)]
    first = judged[0]
    single = len(judged) == first.series.trials == 1 and not first.series.control and not first.control
    return first.result if single else together(judged)


def judge_segment(events: Sequence[Event], rules: int = RULES) -> JudgedTrial:
    """One trial or control, by its own events."""
    record = Record(awake(events))
    return JudgedTrial(
        result=_judge(record, rules),
        trial=record.plan.trial,
        control=is_control(record),
        series=record.plan.series.plan,
        may_follow=may_follow(record),
    )


def _judge(record: Record, rules: int) -> Result:
    """One trial or control by itself."""
    events = record.events
    timeline = Timeline(record)
    plan = record.plan
    found = requests(record)
    ended, ended_why = outcome(record)
    control = is_control(record)
    steps = [] if control else judge_steps(plan.method, timeline)
    health = examine(record, timeline, found)
    asked = [PlannedSteadyState.read(state, rules) for state in plan.steady_state]
    tests = Tests.of(plan, asked)
    states = _states(record, _Run(timeline, steps, health, found, tests, rules), asked)
    doubts = [
        *_doubts(record, steps, health),
        *lives.restart_loops(record, timeline),
        *lives.unkillable(record),
    ]
    doubts += unaccounted(record, timeline)
    verdict, why = (
        decide_control(ended, ended_why, states, doubts)
        if control
        else decide(ended, ended_why, steps, states, doubts)
    )
    begin, end = record.begin, max((event.at for event in events), default=0.0)
    return Result(
        run_id=str(record.started.get("run_id") or plan.run_id),
        experiment=str(record.started.get("experiment") or plan.experiment),
        digest=str(record.started.get("digest") or plan.digest),
        seed=record.seed,
        rules=rules,
        significance=tests.significance,
        outcome=ended,
        verdict=verdict,
        why=why,
        hypothesis=plan.hypothesis,
        labels=dict(plan.labels),
        started_at=iso(begin),
        ended_at=iso(end),
        steps=[step.result for step in steps],
        steady_state=states,
        findings=[*_findings(steps, states, doubts), *_kept(record)],
        doubts=doubts,
        phases=[
            PhaseResult(name=s.name, started_at=iso(s.start), ended_at=iso(s.end)) for s in timeline.spans
        ],
        load=_load(found, timeline),
        usage=peaks(record),
        log=excerpt(record, timeline),
        logs=counts(record),
        timings=_timings(record, end - begin),
        sandbox=_sandbox(record),
    )


class _Run(NamedTuple):
    """What is known of a run when its steady states are judged."""

    timeline: Timeline
    steps: Sequence[StepJudged]
    health: RunHealth
    requests: Sequence[Request]
    tests: Tests
    rules: int


def _states(record: Record, run: _Run, asked: Sequence[PlannedSteadyState]) -> list[SteadyStateResult]:
    looks = looks_of(record, asked)
    plan, steps = record.plan, run.steps
    last = max((step for step in steps if step.ended_at), key=lambda step: step.ended_at or 0.0, default=None)
    withheld = reference(record, run.timeline) if is_control(record) else None
    results, starvation = [], StarvationRecord(record)
    for state in asked:
        mine = looks.get(state.name, [])
        around = Circumstances(
            timeline=run.timeline,
            undo_began=last.ending_at if last else withheld,
            reference=last.ended_at if last else withheld,
            planned_s=declared_s(plan),
            explains=tuple(run.health.explains(state, mine)),
            residue=next((step.residue for step in steps if step.residue), None),
            weakens=tuple(run.health.weakens(state)),
            phases_s=phases_s(plan),
            requests=run.requests,
            data=data_of(record, state)[1] if state.of_data else None,
            rate_per_s=plan.load.rate_per_s if plan.load else 0.0,
            starvation=starvation,
            tests=run.tests,
        )
        new = run.rules > 1
        results.append(judge_state(Case(state, mine, around)) if new else by_old_rules(state, mine, around))
    return results


def _doubts(record: Record, steps: Sequence[StepJudged], health: RunHealth) -> list[str]:
    doubts = [doubt for step in steps for doubt in step.doubts]
    if is_control(record):
        doubts += withheld_doubts(record)
    elif record.has_plan and not steps:
        doubts.append("the plan has no step: nothing was injected")
    return doubts + trust.doubts(record) + health.of_the_run


def _findings(
    steps: Sequence[StepJudged], states: Sequence[SteadyStateResult], doubts: Sequence[str]
) -> list[FindingResult]:
    """One sentence for each step, steady state and doubt of the run itself."""
    landed = [
        FindingResult(
            name=step.result.name,
            verdict=Verdict.INCONCLUSIVE if step.doubts else Verdict.HELD,
            why=step.doubts[0] if step.doubts else f"landed: {step.result.why}",
            numbers={
                key: value for key, value in step.result.delivered.items() if isinstance(value, float | int)
            },
        )
        for step in steps
    ]
    judged = [FindingResult(name=s.name, verdict=s.verdict, why=s.why, numbers=_numbers(s)) for s in states]
    of_steps = {doubt for step in steps for doubt in step.doubts}
    own = [
        FindingResult(name="the run itself", verdict=Verdict.INCONCLUSIVE, why=doubt, numbers={})
        for doubt in doubts
        if doubt not in of_steps
    ]
    return [*landed, *judged, *own]


def _kept(record: Record) -> list[FindingResult]:
    return [
        FindingResult(name=name, verdict=Verdict.HELD, why=why, numbers={})
        for name, why in lives.kept(record).items()
    ]


def _numbers(state: SteadyStateResult) -> dict[str, float]:
    keys = (
        "samples",
        "baseline_bad",
        "fault_bad",
        "recovery_bad",
        "bad_share",
        "recovery_time_seconds",
        "resolution_seconds",
    )
    return {key: value for key in keys if (value := getattr(state, key)) is not None}


def _load(found: Sequence[Request], timeline: Timeline) -> dict[str, LoadSummary]:
    if not found:
        return {}
    fault = timeline.span("fault")
    # As with looks: what was under way when the fault phase began is the fault's.
    moments = [fault.start if fault and r.at < fault.start < r.at + r.took_s else r.at for r in found]
    return {
        span.name: summarise(
            [each for each, at in zip(found, moments, strict=True) if span.start <= at < span.end],
            span.end - span.start,
        )
        for span in timeline.spans
    }


def declared_s(plan: RunSpec) -> float:
    """What the plan says its phases last, in seconds."""
    if plan.declared_s is not None:
        return plan.declared_s
    return plan.baseline_s + sum(step.hold_s for step in plan.method) + plan.recovery_s


def phases_s(plan: RunSpec) -> dict[str, float]:
    """How long each phase was to last, in seconds."""
    before, after = plan.baseline_s, plan.recovery_s
    return {"baseline": before, "fault": declared_s(plan) - before - after, "recovery": after}


def _timings(record: Record, total_s: float) -> Timings:
    opened = record.first("sandbox.opened")
    took_s = opened.data.get("took_s") if opened else None
    declared = declared_s(record.plan)
    return Timings(
        sandbox_s=took_s,
        declared_s=declared,
        overhead_s=round(total_s - declared, 4),
        total_s=round(total_s, 4),
    )


def _sandbox(record: Record) -> SandboxResult:
    opened, destroyed = record.last("sandbox.opened"), record.last("sandbox.destroyed")
    ref: Mapping[str, Any] = opened.data.get("ref") or {} if opened else {}
    ident = ref.get("id")
    return SandboxResult(
        type=str(ref.get("type") or record.plan.sandbox.type),
        id=None if ident is None else str(ident),
        destroyed=bool(destroyed and destroyed.data.get("destroyed")),
    )
