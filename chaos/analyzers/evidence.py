"""What a run shows, as sentences with numbers: each names a symptom and cites what was recorded of it.

A detector looks for one symptom and returns nothing when there is none. Words of advice are elsewhere
(`knowledge`): no evidence, no advice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chaos.analyzers.failing import failed_requests, lingering, silent_failures
from chaos.analyzers.patterns import PATTERNS
from chaos.analyzers.queues import pools, queue, queued
from chaos.analyzers.scene import AFTER_S, Scene, Symptom
from chaos.analyzers.writes import lost, met_a_disk
from chaos.events import Event
from chaos.latencies import percentile
from chaos.measure.health import LATE_S
from chaos.measure.moments import clock, seconds
from chaos.measure.record import Record
from chaos.measure.result import LoadSummary, Result, SteadyStateResult
from chaos.measure.timeline import Timeline
from chaos.verdict import Verdict

SLOWER_BY = 2.0
SLOWER_BY_S = 0.05
"""Latency counts as risen when p95 is at least twice the baseline's and 50 ms more."""
PAID_TWICE = 1.7
"""A delay counts as paid more than once from this multiple on."""
MEMORY_NEAR_LIMIT = 98.0


def symptoms(result: Result, events: Sequence[Event]) -> list[Symptom]:
    """Everything that was seen, step by step, most telling first."""
    record = Record(events)
    timeline = Timeline(record)
    scenes = [Scene(result, record, timeline, step) for step in result.steps]
    found = [symptom for scene in scenes for symptom in _seen(scene)]
    deviated = [s for s in _states(result) if not (found and s.name == "out_of_tolerance")]
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
    now = percentile(good, 0.95)
    if before is None or before.p95 is None or now is None:
        return
    risen_s = now - before.p95
    if now < SLOWER_BY * before.p95 or risen_s < SLOWER_BY_S:
        return
    if line := queue(scene):
        yield from _multiplied(scene, line.held_s, before)
        return
    said = f"the p95 latency of good answers rose from {seconds(before.p95)} to {seconds(now)} {scene.when()}"
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


def _exits(scene: Scene) -> Iterator[Symptom]:
    """Processes that ended while or after the fault was in place, other than by its own hand."""
    if scene.start is None:
        return
    killed = {event.data["killed_pid"] for event in scene.window.measured if event.data.get("killed_pid")}
    started = scene.record.of("process.started")
    hit = {event.data.get("process") for event in started if event.data.get("pid") in killed}
    kills = [e for e in scene.record.of("memory.killed") if scene.start <= e.at <= scene.end + AFTER_S]
    if kills:
        by = " and ".join(sorted({str(event.data.get("by", "kernel")) for event in kills}))
        yield scene.symptom(
            "out_of_memory",
            f"the {by} killed a process for want of memory, {len(kills)} times {scene.when()}",
        )
    for event in scene.record.of("process.exited"):
        if not scene.start - AFTER_S <= event.at <= scene.end + AFTER_S:
            continue
        name = str(event.data.get("process"))
        code, signal = event.data.get("exit_code"), event.data.get("signal")
        how = f"by {signal}" if signal else f"with exit code {code}"
        if event.data.get("pid") not in killed:
            # Of who was hit itself it is the restart that fails, and no loss of a peer that it did not survive.
            what = "restart_failed" if name in hit else "crashed"
            yield scene.symptom(what, f"“{name}” ended {how} at {clock(event.at)} {scene.when()}")
        if not _started_after(scene.record, name, event):
            yield scene.symptom(
                "stayed_down", f"“{name}” ended {how} at {clock(event.at)} and never started again"
            )


def _started_after(record: Record, process: str, ended: Event) -> bool:
    return any(e.at >= ended.at and e.data.get("process") == process for e in record.of("process.started"))


def _memory(scene: Scene) -> Iterator[Symptom]:
    peak = scene.result.usage.memory_peak_percent
    if peak is not None and peak >= MEMORY_NEAR_LIMIT:
        yield scene.symptom("memory_near_limit", f"memory peaked at {peak:.1f} % of the limit")


def _states(result: Result) -> Iterator[Symptom]:
    """Steady states that deviated, told by how they did."""
    fault = result.steps[-1].fault if result.steps else ""
    for state in result.steady_state:
        if state.verdict is Verdict.DEVIATED:
            yield Symptom(_manner(state), fault, f"“{state.name}”: {state.why}")


def _manner(state: SteadyStateResult) -> str:
    if state.data is not None and state.data.lost:
        return "data_lost"
    if state.data is not None and state.data.surplus:
        return "data_doubled"
    if state.recovery_time_seconds is None and state.recovery_bad:
        return "never_recovered"
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
    _exits,
    lingering,
    _slower,
    _memory,
    *PATTERNS,
)
