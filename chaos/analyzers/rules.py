"""Words by rules: a summary built from numbers, a severity by thresholds, recommendations that cite their evidence.

Severity, the first that applies (docs/verdicts.md gives the reasons): critical   deviated, and a steady state
never came back, or half of the requests failed under the fault, or a process that
           ended was not started again
high       deviated, and 5 % of the requests failed under the fault, or it came back too late, or a process
crashed; or a
           stop condition ended the run
medium     deviated otherwise; anything else that is not held; or held with 1 % of the requests failed under
the fault or
           more than 5 s to come back
low        held
"""

from collections.abc import Iterator, Sequence

from chaos.analyzers.comparison import compare, told
from chaos.analyzers.evidence import symptoms
from chaos.analyzers.knowledge import advice
from chaos.analyzers.logged import sentences
from chaos.analyzers.scene import Symptom
from chaos.events import Event
from chaos.measure.moments import percent, seconds
from chaos.measure.result import Analysis, LoadSummary, Metrics, Result, Severity
from chaos.measure.trials import shown
from chaos.measure.verdict import delivered_words
from chaos.verdict import Outcome, Verdict

MOST_RECOMMENDATIONS = 6
CRITICAL_ERRORS, HIGH_ERRORS, MEDIUM_ERRORS = 0.5, 0.05, 0.01
SLOW_RECOVERY_S = 5.0

_CRITICAL = frozenset({"never_recovered", "stayed_down", "data_lost"})
_HIGH = frozenset({"slow_recovery", "crashed", "out_of_memory", "restart_loop", "restart_failed"})


def analyze(result: Result, events: Sequence[Event], before: Result | None = None) -> Analysis:
    """The analysis of a judged run, compared with the one `before` it of the same experiment. Pure."""
    own = shown(events, result)
    seen = symptoms(result, own)
    previous = compare(result, before) if before else None
    return Analysis(
        analyzer="rules",
        summary=" ".join(
            [*_summary(result), *sentences(result, own), *([told(previous)] if previous else [])]
        ),
        previous=previous,
        metrics=metrics(result),
        severity=_severity(result, {symptom.name for symptom in seen}),
        recommendations=[f"{evidence} {what}" for evidence, what in _cited(result, seen)],
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


def _summary(result: Result) -> Iterator[str]:
    yield result.why
    if result.verdict is not Verdict.HELD:
        yield from (
            f"“{step.name}”: {delivered_words(step)}, for {seconds(step.held_s)}."
            for step in result.steps
            if step.landed and step.held_s is not None
        )
    fault, baseline = result.load.get("fault"), result.load.get("baseline")
    if fault and fault.sent and baseline:
        yield _load_sentence(baseline, fault)
    yield from _recovery_sentence(result)


def _load_sentence(baseline: LoadSummary, fault: LoadSummary) -> str:
    said = f"{_failed(fault)} in the fault phase; before it {_lower_first(_failed(baseline))}"
    if fault.p50 is None:
        return f"{said}; nobody was answered, so that there is no latency."
    if fault.p95 is None or baseline.p95 is None:
        return f"{said}."
    went = f"p95 latency went from {seconds(baseline.p95)} to {seconds(fault.p95)}"
    return f"{said}; {went}{_of_what(fault)}."


def _of_what(load: LoadSummary) -> str:
    """What a latency beside errors is of."""
    if not load.errors or load.timeouts is None:
        return ""
    if not load.timeouts:
        return ", of answers"
    return (
        f", of answers and {load.timeouts:,} timeout{'s' * (load.timeouts > 1)}, which count as their limit"
    )


def _failed(load: LoadSummary) -> str:
    if not load.errors:
        return f"None of {load.sent:,} requests failed"
    return f"{load.errors:,} of {load.sent:,} requests failed ({percent(load.error_rate)})"


def _recovery_sentence(result: Result) -> Iterator[str]:
    hurt = [state for state in result.steady_state if state.recovery_time_seconds]
    if not hurt or recovery_time_s(result) is None:
        return
    slowest = max(hurt, key=lambda state: state.recovery_time_seconds or 0.0)
    took_s, resolution_s = slowest.recovery_time_seconds or 0.0, slowest.resolution_seconds or 0.0
    yield f"“{slowest.name}” was good again {seconds(took_s)} (known to {seconds(resolution_s)}) after the fault."


def _severity(result: Result, seen: set[str]) -> Severity:
    fault = result.load.get("fault")
    error_rate = fault.error_rate if fault else 0.0
    if result.verdict is Verdict.DEVIATED:
        if seen & _CRITICAL or error_rate >= CRITICAL_ERRORS:
            return "critical"
        return "high" if seen & _HIGH or error_rate >= HIGH_ERRORS else _unless_stopped(result)
    if result.verdict is Verdict.INCONCLUSIVE:
        return _unless_stopped(result)
    slow = (recovery_time_s(result) or 0.0) > SLOW_RECOVERY_S
    return "medium" if slow or error_rate >= MEDIUM_ERRORS else "low"


def _unless_stopped(result: Result) -> Severity:
    return (
        "high" if result.outcome is Outcome.ABORTED and "stop condition" in result.why.lower() else "medium"
    )


def cited(result: Result, events: Sequence[Event]) -> list[tuple[str, str]]:
    """What was seen, as a sentence, and what to do about it: what the recommendations are made of."""
    return _cited(result, symptoms(result, shown(events, result)))


def _cited(result: Result, seen: Sequence[Symptom]) -> list[tuple[str, str]]:
    """Advice for what was seen, each once, and before it, what keeps the run from proving anything."""
    found: dict[str, str] = {}
    for symptom in seen:
        if (what := advice(symptom.fault, symptom.name)) and what not in found:
            found[what] = f"{_first_upper(symptom.evidence).rstrip('.')}."
    return [
        *_about_the_run(result, bool(found)),
        *[(evidence, what) for what, evidence in found.items()][:MOST_RECOMMENDATIONS],
    ]


def _about_the_run(result: Result, advised: bool) -> Iterator[tuple[str, str]]:
    if result.verdict is Verdict.HELD:
        if not advised:
            yield _further(result)
    elif result.outcome is Outcome.COMPLETED and result.verdict is Verdict.INCONCLUSIVE:
        unlanded = any(not step.landed for step in result.steps)
        why = f"{_first_upper(result.doubts[0])}." if result.doubts else result.why
        unmet = any(step.met and not step.met.enough and step.met.why in why for step in result.steps)
        of_what = "not_landed" if unlanded else "not_met" if unmet else "untrusted"
        yield why, advice("any", of_what) or ""
    elif result.outcome is Outcome.NOT_INJECTED:
        reached = any(phase.name == "fault" for phase in result.phases)
        yield result.why, advice("any", "not_landed" if reached else "baseline_unsteady") or ""


def _further(result: Result) -> tuple[str, str]:
    """How far a clean run has proven anything."""
    stood = " and ".join(f"“{step.name}” ({delivered_words(step)})" for step in result.steps)
    return f"Proven up to {stood}.", advice("any", "proven") or ""


def _first_upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lower_first(words: str) -> str:
    return words[:1].lower() + words[1:]
