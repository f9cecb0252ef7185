"""What a run shows, as sentences with numbers: each names a symptom and cites what was recorded of it.

A detector looks for one symptom and returns nothing when there is none. Words of advice are elsewhere
(`knowledge`): no evidence, no advice.
"""

from collections.abc import Callable, Iterator, Sequence

from chaos.analyzers.patterns import PATTERNS
from chaos.analyzers.scene import AFTER_S, Scene, Symptom
from chaos.events import Event
from chaos.latencies import percentile
from chaos.measure.health import LATE_S
from chaos.measure.latency import failures
from chaos.measure.logs import grave
from chaos.measure.moments import clock, seconds
from chaos.measure.record import Record
from chaos.measure.result import Result, SteadyStateResult
from chaos.measure.timeline import Timeline
from chaos.verdict import Verdict

SLOWER_BY = 2.0
SLOWER_BY_S = 0.05
"""Latency counts as risen when p95 is at least twice the baseline's and 50 ms more."""
PAID_TWICE = 1.7
"""A delay counts as paid more than once from this multiple on."""
TELLING_SHARE = 0.1
"""A kind of failure is worth a sentence of its own from this share of all failures on."""
MEMORY_NEAR_LIMIT = 98.0

_KINDS = {"timeout": "timeouts", "refused": "refused", "reset": "reset", "closed": "reset"}


def symptoms(result: Result, events: Sequence[Event]) -> list[Symptom]:
    """Everything that was seen, step by step, most telling first."""
    record = Record(events)
    timeline = Timeline(record)
    scenes = [Scene(result, record, timeline, step) for step in result.steps]
    found = [symptom for scene in scenes for detect in _DETECTORS for symptom in detect(scene)]
    deviated = [s for s in _states(result) if not (found and s.name == "out_of_tolerance")]
    return [*found, *deviated]


def _failed_requests(scene: Scene) -> Iterator[Symptom]:
    found = scene.during()
    groups = failures(found)
    total = sum(count for _, count in groups)
    for kind, count in groups:
        if count >= TELLING_SHARE * total:
            word = _KINDS.get(kind, "server_errors" if kind.startswith("http_5") else "errors")
            said = f"{count:,} of {len(found):,} requests failed ({kind}) {scene.when()}"
            yield scene.symptom(word, said)


def _silent_failures(scene: Scene) -> Iterator[Symptom]:
    """The app answered with errors of its own and wrote nothing about them."""
    failed = sum((request.failure or "").startswith("http_5") for request in scene.during())
    if not failed or scene.start is None:
        return
    lines = [e for e in scene.record.of("log.captured") if scene.start <= e.at <= scene.end + AFTER_S]
    if not any(grave(line) for line in lines):
        wrote = f"none of its {len(lines)} log lines reads like an error" if lines else "wrote no log line"
        said = f"the app answered {failed:,} times with an error of its own {scene.when()} and {wrote}"
        yield scene.symptom("silent", said)


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
    said = f"the p95 latency of good answers rose from {seconds(before.p95)} to {seconds(now)} {scene.when()}"
    delay_ms = scene.step.delivered.get("delay_ms")
    if not isinstance(delay_ms, float | int) or delay_ms <= 0:
        yield scene.symptom("slower", said)
    elif (times := risen_s * 1000 / delay_ms) >= PAID_TWICE:
        # Paying it once is what was asked for, and no symptom.
        yield scene.symptom("delay_multiplied", f"{said}, {times:.1f} times the delay of one round trip")


def _lingering(scene: Scene) -> Iterator[Symptom]:
    failed = [request for request in scene.later() if request.failure is not None]
    if scene.window.recovered_at is not None and failed:
        last_s = failed[-1].at - scene.end
        said = f"{len(failed):,} requests still failed after “{scene.step.name}” was over"
        yield scene.symptom("lingering", f"{said}, the last {seconds(last_s)} after it")


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
    if state.recovery_time_seconds is None and state.recovery_bad:
        return "never_recovered"
    limit_s = state.recover_within_s
    if limit_s is not None and (state.recovery_time_seconds or 0.0) > limit_s:
        return "slow_recovery"
    return "out_of_tolerance"


_DETECTORS: tuple[Callable[[Scene], Iterator[Symptom]], ...] = (
    _failed_requests,
    _silent_failures,
    _exits,
    _lingering,
    _slower,
    _memory,
    *PATTERNS,
)
