"""Processes that ended around a fault: by its hand, because of it, while they started, or as they did before it."""

from collections.abc import Iterator

from chaos.analysis.moments import clock, seconds
from chaos.events import Event
from chaos.explain.scene import AFTER_S, Scene, Symptom
from chaos.explain.wording import times

STARTING_S = 3.0
"""A process that ends so soon after its start, and was not ready, has not got over its start."""


def exits(scene: Scene) -> Iterator[Symptom]:
    """Processes that ended while or after the fault was in place, other than by its own hand."""
    if scene.start is None:
        return
    killed = {event.data["killed_pid"] for event in scene.window.measured if event.data.get("killed_pid")}
    started = scene.record.of("process.started")
    hit = {event.data.get("process") for event in started if event.data.get("pid") in killed}
    yield from _for_want_of_memory(scene)
    for event in scene.record.of("process.exited"):
        if not scene.start - AFTER_S <= event.at <= scene.end + AFTER_S:
            continue
        name = str(event.data.get("process"))
        ended = f"“{name}” ended {_how(event)} at {clock(event.at)}"
        if event.data.get("pid") not in killed:
            yield _ended(scene, event, ended, was_hit=name in hit)
        yield from _not_back(scene, event, ended)


def _ended(scene: Scene, event: Event, ended: str, *, was_hit: bool) -> Symptom:
    """Of who was hit itself it is the restart that fails, and no loss of a peer that it did not survive."""
    before = _before(scene, event)
    if before:
        said = f"{ended} {scene.when()}, as it had {times(before)} before the fault"
        return scene.symptom("ended_anyway", said)
    if was_hit:
        return scene.symptom("restart_failed", f"{ended} {scene.when()}")
    if (age_s := _starting_s(scene, event)) is not None:
        return scene.symptom("crashed_at_start", f"{ended}, {seconds(age_s)} after its start, {scene.when()}")
    return scene.symptom("crashed", f"{ended} {scene.when()}")


def _not_back(scene: Scene, event: Event, ended: str) -> Iterator[Symptom]:
    name, pause_s = str(event.data.get("process")), event.data.get("restart_in_s")
    if any(
        each.at >= event.at and each.data.get("process") == name
        for each in scene.record.of("process.started")
    ):
        return
    if pause_s is None:
        yield scene.symptom("stayed_down", f"{ended} and was not started again")
    else:
        said = f"{ended} and was to be started again {seconds(float(pause_s))} later"
        yield scene.symptom("restart_pending", f"{said}, when the run was over")


def _for_want_of_memory(scene: Scene) -> Iterator[Symptom]:
    start = scene.start or 0.0
    kills = [e for e in scene.record.of("memory.killed") if start <= e.at <= scene.end + AFTER_S]
    if kills:
        by = " and ".join(sorted({str(event.data.get("by", "kernel")) for event in kills}))
        said = f"the {by} killed a process for want of memory, {times(len(kills))} {scene.when()}"
        yield scene.symptom("out_of_memory", said)


def _how(event: Event) -> str:
    signal, code = event.data.get("signal"), event.data.get("exit_code")
    return f"by {signal}" if signal else f"with exit code {code}"


def _before(scene: Scene, event: Event) -> int:
    """How often it ended in the baseline, where no fault was."""
    found = scene.timeline.span("baseline")
    if found is None:
        return 0
    ended = scene.record.of("process.exited")
    same = (each for each in ended if each.data.get("process") == event.data.get("process"))
    return sum(found.start <= each.at < found.end for each in same)


def _starting_s(scene: Scene, event: Event) -> float | None:
    """How old it was, when it ended before it was ready; None when it had got over its start."""
    own = [
        each
        for each in scene.record.of("process.started", "process.ready")
        if each.data.get("process") == event.data.get("process") and each.at <= event.at
    ]
    last = max(own, key=lambda each: each.at, default=None)
    if last is None or last.type != "process.started" or event.at - last.at > STARTING_S:
        return None
    return event.at - last.at
