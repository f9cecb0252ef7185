"""Words by rules: a summary built from numbers, a severity by a table, recommendations that cite their evidence."""

from collections.abc import Iterator, Sequence

from chaos.analysis.moments import seconds
from chaos.analysis.record import Record
from chaos.analysis.result import Analysis, Metrics, Result, StepResult
from chaos.analysis.timeline import Timeline
from chaos.analysis.trials import shown
from chaos.analysis.verdict import delivered_words
from chaos.events import Event
from chaos.explain.coming_back import gone_for_good, looked_s, not_back
from chaos.explain.comparison import compare, told
from chaos.explain.evidence import symptoms
from chaos.explain.knowledge import advice
from chaos.explain.loads import counts, load_sentence
from chaos.explain.logged import sentences
from chaos.explain.scene import Symptom
from chaos.explain.severity import felt, severity
from chaos.verdict import Outcome, Verdict

MOST_RECOMMENDATIONS = 6


def analyze(result: Result, events: Sequence[Event], before: Result | None = None) -> Analysis:
    """The analysis of a judged run, compared with the one `before` it of the same experiment. Pure."""
    own = shown(events, result)
    record = Record(own)
    timeline = Timeline(record)
    seen = symptoms(result, own)
    names = {symptom.name for symptom in seen}
    users = felt(result, record, timeline, names)
    previous = compare(result, before) if before else None
    return Analysis(
        analyzer="rules",
        summary=" ".join(
            [
                *_summary(result, record, timeline),
                *([users.sentence] if result.verdict is not Verdict.INCONCLUSIVE and users.sentence else []),
                *sentences(result, own),
                *([told(previous)] if previous else []),
            ]
        ),
        previous=previous,
        metrics=metrics(result),
        severity=severity(result, users, names),
        recommendations=[f"{evidence} {what}" for evidence, what in _cited(result, record, seen)],
    )


def metrics(result: Result) -> Metrics:
    """The five numbers of every analysis; without a load, the bad samples of the steady states are the
    errors."""
    load = result.load.get("fault") or result.load.get("baseline")
    errors = sum(phase.errors for phase in result.load.values())
    bad = sum(state.baseline_bad + state.fault_bad + state.recovery_bad for state in result.steady_state)
    cpu, memory = result.usage.cpu_peak_percent, result.usage.memory_peak_percent
    return Metrics(
        cpu_peak=None if cpu is None else round(cpu, 1),
        memory_peak=None if memory is None else round(memory, 1),
        error_count=errors if result.load else bad,
        recovery_time_seconds=recovery_time_s(result),
        latency_p95=None if load is None or load.p95 is None else round(load.p95 * 1000, 1),
    )


def recovery_time_s(result: Result) -> float | None:
    """The slowest steady state's; None when one never came back, or none was looked at."""
    judged = [state for state in result.steady_state if state.resolution_seconds is not None]
    times = [state.recovery_time_seconds for state in judged if state.recovery_time_seconds is not None]
    return round(max(times), 3) if times and len(times) == len(judged) else None


def _summary(result: Result, record: Record, timeline: Timeline) -> Iterator[str]:
    yield result.why
    if result.verdict is not Verdict.HELD:
        yield from (
            f"“{step.name}”: {delivered_words(step)}, for {seconds(step.held_s)}."
            for step in result.steps
            if step.landed and step.held_s is not None
        )
    fault, baseline = result.load.get("fault"), result.load.get("baseline")
    if fault and fault.sent and baseline:
        yield load_sentence(baseline, fault, counts(record, timeline))
    yield from _recovery_sentence(result, looked_s(record, timeline))


def _recovery_sentence(result: Result, looked: float) -> Iterator[str]:
    if away := [state for state in result.steady_state if not_back(state)]:
        said = f"“{away[0].name}” was not good again in the {seconds(looked)} that were looked at after the fault"
        seen = all(gone_for_good(state, looked) for state in away)
        yield f"{said}." if seen else f"{said}, which is too short to say that it never is."
    hurt = [state for state in result.steady_state if state.recovery_time_seconds]
    if not hurt or recovery_time_s(result) is None:
        return
    slowest = max(hurt, key=lambda state: state.recovery_time_seconds or 0.0)
    took_s, resolution_s = slowest.recovery_time_seconds or 0.0, slowest.resolution_seconds or 0.0
    known = f"{seconds(took_s)} (known to {seconds(resolution_s)})"
    if resolution_s >= took_s:
        known = f"at most {seconds(took_s)}"  # when in that time, nobody saw
    yield f"“{slowest.name}” was good again {known} after the fault."


def cited(result: Result, events: Sequence[Event]) -> list[tuple[str, str]]:
    """What was seen, as a sentence, and what to do about it: what the recommendations are made of."""
    own = shown(events, result)
    return _cited(result, Record(own), symptoms(result, own))


def _cited(result: Result, record: Record, seen: Sequence[Symptom]) -> list[tuple[str, str]]:
    """Advice for what was seen, each once, and before it, what keeps the run from proving anything."""
    found: dict[str, str] = {}
    for symptom in seen:
        if (what := advice(symptom.fault, symptom.name)) and what not in found:
            found[what] = f"{_first_upper(symptom.evidence).rstrip('.')}."
    return [
        *_about_the_run(result, record, bool(found)),
        *[(evidence, what) for what, evidence in found.items()][:MOST_RECOMMENDATIONS],
    ]


def _about_the_run(result: Result, record: Record, advised: bool) -> Iterator[tuple[str, str]]:
    if result.verdict is Verdict.HELD:
        if not advised:
            yield _further(result)
    elif result.outcome is Outcome.COMPLETED and result.verdict is Verdict.INCONCLUSIVE:
        unlanded = any(not step.landed for step in result.steps)
        why = f"{_first_upper(result.doubts[0])}." if result.doubts else result.why
        unmet = any(step.met and not step.met.enough and step.met.why in why for step in result.steps)
        by_chance = result.trials is not None and "chance" in result.why
        of_what = (
            "not_landed" if unlanded else "not_met" if unmet else "by_chance" if by_chance else "untrusted"
        )
        yield why, advice("any", of_what) or ""
    elif result.outcome is Outcome.NOT_INJECTED:
        judged = record.last("baseline.judged")
        unsteady = judged is not None and not judged.data.get("steady")
        yield result.why, advice("any", "baseline_unsteady" if unsteady else "not_injected") or ""
    elif record.has("target.failed"):
        yield result.why, advice("any", "never_ready") or ""


def _further(result: Result) -> tuple[str, str]:
    """How far a clean run has proven anything."""
    stood = " and ".join(f"“{step.name}” ({delivered_words(step)})" for step in result.steps)
    whole = all(map(_is_all_there_is, result.steps))
    return f"Proven up to {stood}.", advice("any", "proven_whole" if whole else "proven") or ""


def _is_all_there_is(step: StepResult) -> bool:
    """Whether no more of this fault can be asked for: it is all or nothing, or was asked for in full."""
    amounts = {key: value for key, value in step.asked.items() if isinstance(value, int | float)}
    full = {"_share": 1.0, "_failed": 1.0, "_percent": 100.0}
    return any(
        value >= full.get(f"_{key.rpartition('_')[2]}", float("inf")) for key, value in amounts.items()
    ) or (not amounts)


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
