"""What a run shows, as sentences with numbers: each names a symptom and cites what was recorded of it.

A detector looks for one symptom and returns nothing when there is none. Words of advice are elsewhere
(`knowledge`): no evidence, no advice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chaos.analysis.health import LATE_S
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import LoadSummary, Result, SteadyStateResult
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.explain.coming_back import gone_for_good, looked_s, not_back
from chaos.explain.exits import exits
from chaos.explain.failing import failed_requests, lingering, silent_failures
from chaos.explain.patterns import PATTERNS
from chaos.explain.queues import pools, queue, queued
from chaos.explain.scene import Scene, Symptom
from chaos.explain.writes import lost, met_a_disk
from chaos.statistics.latencies import percentile
from chaos.verdict import Verdict

SLOWER_BY = 2.0
SLOWER_BY_S = 0.05
"""Latency counts as risen when p95 is at least twice the baseline's and 50 ms more."""
PAID_TWICE = 1.7
"""A delay counts as paid more than once from this multiple on."""
MEMORY_NEAR_LIMIT = 98.0
FEWEST_FOR_P95 = 20
"""Of fewer it would be the slowest: 1 / (1 - 0.95)."""


def symptoms(result: Result, events: Sequence[Event]) -> list[Symptom]:
    """Everything that was seen, step by step, most telling first."""
    record = Record(events)
    timeline = Timeline(record)
    scenes = [Scene(result, record, timeline, step) for step in result.steps]
    found = [symptom for scene in scenes for symptom in _seen(scene)]
    deviated = [
        s for s in _states(result, looked_s(record, timeline)) if not (found and s.name == "out_of_tolerance")
    ]
    return [*found, *deviated]


def _seen(scene: Scene) -> Iterator[Symptom]:
    """What the detectors find; advice that is about a refused write only where a refused write was seen."""
    of_it = met_a_disk(scene)
    for detect in _DETECTORS:
        for symptom in detect(scene):
            yield symptom if of_it else replace(symptom, fault="")


def _slower(scene: Scene) -> Iterator[Symptom]:
    if scene.result.doubts or any(
        (load.lateness_p99_s or 0.0) > LATE_S for load in scene.result.load.values()
    ):
        return  # a late generator, a stray clock: no latency to advise on
    before = scene.result.load.get("baseline")
    good = sorted(request.took_s for request in scene.during() if request.failure is None)
    now = percentile(good, 0.95) if len(good) >= FEWEST_FOR_P95 else None
    if before is None or before.p95 is None or now is None:
        return
    risen_s = now - before.p95
    if now < SLOWER_BY * before.p95 or risen_s < SLOWER_BY_S:
        return
    if line := queue(scene):
        yield from _multiplied(scene, line.held_s, before)
        return
    risen = f"rose from {seconds(before.p95)} to {seconds(now)} (of {len(good):,})"
    said = f"the p95 latency of good answers {risen} {scene.when()}"
    delay_ms = scene.step.delivered.get("delay_ms")
    if not isinstance(delay_ms, float | int) or delay_ms <= 0:
        yield scene.symptom("slower", said)
    elif (times := risen_s * 1000 / delay_ms) >= PAID_TWICE:
        # Paying it once is what was asked for, and no symptom.
        yield scene.symptom("delay_multiplied", f"{said}, {times:.1f} times the delay of one round trip")


def _multiplied(scene: Scene, held_s: float, before: LoadSummary) -> Iterator[Symptom]:
    """Where requests wait for each other, only the time that one is held says how often it pays a delay."""
    delay_ms = scene.step.delivered.get("delay_ms")
    if isinstance(delay_ms, float | int) and delay_ms > 0 and before.p50 is not None:
        times = (held_s - before.p50) * 1000 / delay_ms
        if times >= PAID_TWICE:
            said = (
                f"the quickest answers took {seconds(held_s)} instead of {seconds(before.p50)} {scene.when()}"
            )
            yield scene.symptom("round_trips", f"{said}, {times:.1f} times the delay of one round trip")


def _memory(scene: Scene) -> Iterator[Symptom]:
    peak = scene.result.usage.memory_peak_percent
    if peak is None or peak < MEMORY_NEAR_LIMIT:
        return
    said = f"memory peaked at {percent(peak / 100)} of the limit"
    usual = _memory_before(scene)
    if usual is not None and usual >= MEMORY_NEAR_LIMIT:
        yield scene.symptom(
            "memory_full_before", f"{said}, and was at {percent(usual / 100)} before the fault"
        )
    else:
        yield scene.symptom("memory_near_limit", said)


def _memory_before(scene: Scene) -> float | None:
    """The highest share of the limit in the baseline, in percent."""
    found = scene.timeline.span("baseline")
    samples = scene.record.of("usage.sampled") if found else []
    shares = [
        float(e.data.get("memory_percent") or 0) for e in samples if found and found.start <= e.at < found.end
    ]
    return max(shares, default=None)


def _states(result: Result, looked: float) -> Iterator[Symptom]:
    """Steady states that deviated, told by how they did."""
    fault = result.steps[-1].fault if result.steps else ""
    for state in result.steady_state:
        if state.verdict is Verdict.DEVIATED:
            yield Symptom(_manner(state, looked), fault, f"“{state.name}”: {state.why}")


def _manner(state: SteadyStateResult, looked: float) -> str:
    if state.data is not None and state.data.lost:
        return "data_lost"
    if state.data is not None and state.data.surplus:
        return "data_doubled"
    if not_back(state):
        return "never_recovered" if gone_for_good(state, looked) else "not_seen_back"
    limit_s = state.recover_within_s
    if limit_s is not None and (state.recovery_time_seconds or 0.0) > limit_s:
        return "slow_recovery"
    return "out_of_tolerance"


_DETECTORS: tuple[Callable[[Scene], Iterator[Symptom]], ...] = (
    queued,
    pools,
    lost,
    failed_requests,
    silent_failures,
    exits,
    lingering,
    _slower,
    _memory,
    *PATTERNS,
)
