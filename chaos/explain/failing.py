"""Requests that failed under a fault, told by how: at once or late, by the app or because nobody listened."""

from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

from chaos.analysis.latency import failures
from chaos.analysis.logs import looks_like_error
from chaos.analysis.moments import seconds
from chaos.explain.patterns import PEERS
from chaos.explain.queues import POOLS, pool_lines, queue
from chaos.explain.scene import AFTER_S, Scene, Symptom
from chaos.explain.wording import counted, times
from chaos.statistics.latencies import Request

TELLING_SHARE = 0.1
"""A kind of failure is worth a sentence of its own from this share of all failures on."""
AT_ONCE_S, LATE_S = 0.1, 0.25
"""A failure that took less was told at once; one that took more was waited for."""

_KINDS = {"timeout": "timeouts", "refused": "refused", "reset": "reset", "closed": "reset"}
_TOLD_AT_ONCE = frozenset({"refuse", "reset", "nxdomain"})
"""Modes in which a dependency's absence is known without waiting."""


def failed_requests(scene: Scene) -> Iterator[Symptom]:
    """Each kind of failure that is worth a sentence, unless a queue has explained it."""
    found = scene.during()
    groups = failures(found)
    total = sum(count for _, count in groups)
    for kind, count in groups:
        if count < TELLING_SHARE * total:
            continue
        took_s = median(request.took_s for request in found if request.failure == kind)
        if name := _name(scene, kind, took_s):
            after = f", {seconds(took_s)} after they were sent" if name in _TELL_TIME else ""
            said = f"{count:,} of {len(found):,} requests failed ({kind}){after} {scene.when()}"
            yield scene.symptom(name, said)


_TELL_TIME = frozenset({"server_errors_at_once", "server_errors_late", "timeouts_though_refused"})


def _name(scene: Scene, kind: str, took_s: float) -> str:
    """The symptom; empty when something else says why."""
    word = _KINDS.get(kind, "server_errors" if kind.startswith("http_5") else "errors")
    waits = word in ("timeouts", "server_errors")
    if waits and (queue(scene) or len(pool_lines(scene)) >= POOLS):
        return ""
    if scene.step.fault not in PEERS or _asked_itself(scene):
        return word
    if word == "refused":
        return "front_refused"
    if word == "timeouts" and _told_at_once(scene):
        return "timeouts_though_refused"
    if word == "server_errors" and not AT_ONCE_S <= took_s < LATE_S:
        return "server_errors_at_once" if took_s < AT_ONCE_S else "server_errors_late"
    return word


def _told_at_once(scene: Scene) -> bool:
    fault = scene.asked
    return (
        scene.step.fault in ("connection_refused", "connection_reset")
        or getattr(fault, "mode", None) in _TOLD_AT_ONCE
    )


def _asked_itself(scene: Scene) -> bool:
    """Whether the load asks the very process or port that the fault is at."""
    load, fault = scene.record.plan.load, scene.asked
    url = urlsplit(load.url if load else "")
    ports = {each.name: each.port for each in scene.record.plan.processes}
    at = {getattr(fault, "port", None), ports.get(getattr(fault, "process", None) or "")} - {None}
    return (url.port or {"http": 80, "https": 443}.get(url.scheme)) in at


def silent_failures(scene: Scene) -> Iterator[Symptom]:
    """The app answered with errors of its own and wrote nothing about them."""
    failed = sum((request.failure or "").startswith("http_5") for request in scene.during())
    if not failed or scene.start is None:
        return
    lines = [e for e in scene.record.of("log.captured") if scene.start <= e.at <= scene.end + AFTER_S]
    if not any(looks_like_error(str(line.data.get("line", ""))) for line in lines):
        none = (
            "its one log line does not read"
            if len(lines) == 1
            else f"none of its {len(lines):,} log lines reads"
        )
        wrote = f"{none} like an error" if lines else "it wrote no log line"
        said = f"the app answered {times(failed)} with an error of its own {scene.when()}, and {wrote}"
        yield scene.symptom("silent", said)


def lingering(scene: Scene) -> Iterator[Symptom]:
    """Requests that failed after the fault was over."""
    failed: list[Request] = [request for request in scene.later() if request.failure is not None]
    if scene.window.recovered_at is not None and failed:
        last_s = failed[-1].at - scene.end
        said = f"{counted(len(failed), 'request')} still failed after “{scene.step.name}” was over"
        name = "backlog" if queue(scene) else "lingering"
        yield scene.symptom(name, f"{said}, the last {seconds(last_s)} after it")
