"""Habits of an app that show over time: how it retries, whether it falls back, whether it lets go of memory, whether it
fails by surprise.

A detector looks for one and returns nothing when there is none; its limits say why it would rather be silent.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import linear_regression, median

from chaos.analysis.moments import clock, percent, seconds
from chaos.events import Event
from chaos.explain.queues import queue
from chaos.explain.scene import AFTER_S, Scene, Symptom
from chaos.explain.templates import ANY, mine
from chaos.explain.writes import lost, refused_lines

PEERS = frozenset(
    {"dependency_failure", "dns_failure", "http_fault", "connection_refused", "connection_reset", "blackhole"}
)
"""Faults of something that the app calls: there a fallback is possible."""
NEARLY_ALL = 0.9
STORM = 3.0
"""So many lines about retries a request and more: the retries are most of the load on what fails."""
MANY_RETRIES = 20
PROMPTLY_S = 0.1
"""Attempts that follow each other faster than this were not spaced by a back-off that spares anybody."""
LEAKED_POINTS, STEADY = 5.0, 0.9
"""Memory that rose by so many percent of the limit over the run, as straight as this (r²): a leak, not a cache."""
SLOW_FAILURE_S = 0.5
SURPRISES = 3
RESTARTS = 3

_RETRY = re.compile(r"\bre-?tr(?:y|ie[sd]|ying)\b|\battempt\s*#?\d|\btr(?:y|ying) again\b", re.IGNORECASE)
_ATTEMPT = re.compile(r"\b(?:attempt|retry|try)\D{0,12}(\d{1,2})\b", re.IGNORECASE)
_SURPRISE = re.compile(
    r"^Traceback \(most recent call last\)|^panic:|\bunhandled\b|\buncaught\b|^Exception in thread", re.I
)


def lines(scene: Scene) -> list[Event]:
    """What was logged while the fault was in place."""
    if scene.start is None:
        return []
    return [e for e in scene.record.of("log.captured") if scene.start <= e.at <= scene.end + AFTER_S]


def retries(scene: Scene) -> Iterator[Symptom]:
    """A storm of retries, or retries without a pause."""
    said = [event for event in lines(scene) if _RETRY.search(_text(event))]
    sent = len(scene.during())
    if len(said) >= MANY_RETRIES and sent and len(said) >= STORM * sent:
        yield scene.symptom(
            "retry_storm",
            f"{len(said):,} lines about retries for {sent:,} requests {scene.when()}, first at {clock(said[0].at)}",
        )
    if (gap_s := _gap_s(said)) is not None and gap_s < PROMPTLY_S:
        yield scene.symptom(
            "no_backoff",
            f"attempts followed each other after {seconds(gap_s)} (median of {len(said):,} lines) {scene.when()}",
        )


def _gap_s(said: Sequence[Event]) -> float | None:
    """The usual time from one attempt to the next of the same series, told by their numbers; None when too few say."""
    gaps = []
    numbered = [(event, int(found[1])) for event in said if (found := _ATTEMPT.search(_text(event)))]
    for (one, first), (other, second) in pairwise(numbered):
        if second == first + 1 and one.data.get("process") == other.data.get("process"):
            gaps.append(other.at - one.at)
    return median(gaps) if len(gaps) >= SURPRISES else None


def no_fallback(scene: Scene) -> Iterator[Symptom]:
    """Nearly every request failed because something behind the app did."""
    found = scene.during()
    failed = [request for request in found if request.failure is not None]
    if scene.step.fault not in PEERS or not found or len(failed) < NEARLY_ALL * len(found):
        return
    share = percent(len(failed) / len(found))
    yield scene.symptom(
        "no_fallback", f"{share} of {len(found):,} requests failed with the dependency {scene.when()}"
    )
    late = failed[len(failed) * 2 // 3 :]
    usual_s = median(request.took_s for request in late)
    if usual_s >= SLOW_FAILURE_S and not queue(scene):
        yield scene.symptom(
            "no_circuit_breaker",
            f"requests still waited {seconds(usual_s)} before they failed in the last third of “{scene.step.name}”",
        )


def leak(scene: Scene) -> Iterator[Symptom]:
    """A process whose memory only ever rises, before, during and after the fault."""
    if scene is None or scene.step is not scene.result.steps[0]:
        return  # it is about the whole run: told once
    kills = scene.record.of("memory.killed", "process.exited")
    samples = [] if kills else scene.record.of("usage.sampled")
    names = sorted({name for event in samples for name in event.data.get("processes") or {}})
    for name in names:
        points = _share_of_limit(samples, name)
        if len(points) >= 20 and (rise := _steady_rise(points)) >= LEAKED_POINTS:
            span_s = points[-1][0] - points[0][0]
            said = f"the memory of “{name}” rose by {percent(rise / 100)} of the limit in {seconds(span_s)}"
            yield scene.symptom("leak", f"{said}, without a pause, from before the fault until after it")


def _share_of_limit(samples: Sequence[Event], name: str) -> list[tuple[float, float]]:
    found = []
    for event in samples:
        used, share = float(event.data.get("memory_bytes") or 0), float(event.data.get("memory_percent") or 0)
        own = ((event.data.get("processes") or {}).get(name) or {}).get("rss_bytes")
        if used and share and own:
            found.append((event.at, 100 * float(own) / (100 * used / share)))
    return found


def _steady_rise(points: Sequence[tuple[float, float]]) -> float:
    """How much a line through the points rises over them, when they lie on one; else 0."""
    times, values = zip(*points, strict=True)
    mean = sum(values) / len(values)
    total = sum((value - mean) ** 2 for value in values)
    if total == 0:
        return 0.0
    slope, start = linear_regression(times, values)
    left = sum((value - start - slope * at) ** 2 for at, value in points)
    thirds = [values[: len(values) // 3], values[-(len(values) // 3) :]]
    grows = all(part[-1] > part[0] for part in thirds)
    return slope * (times[-1] - times[0]) if grows and 1 - left / total >= STEADY else 0.0


def unhandled(scene: Scene) -> Iterator[Symptom]:
    """Failures that the app did not expect: stack traces, and above all writes without room."""
    said = lines(scene)
    surprises = [event for event in said if _SURPRISE.search(_text(event))]
    full = refused_lines(scene)
    if full and surprises:
        if any(lost(scene)):
            return  # users got good answers: no failed request came of it, and that is the trouble
        yield scene.symptom(
            "unhandled_disk_full",
            f"“{full[0].data.get('process')}” met a disk that takes no more ({len(full):,} lines) and let it become "
            f"a stack trace, first at {clock(surprises[0].at)} {scene.when()}",
        )
    elif len(surprises) >= SURPRISES:
        what = _commonest(said)
        yield scene.symptom(
            "unhandled",
            f"“{surprises[0].data.get('process')}” wrote {len(surprises):,} stack traces {scene.when()}, first at "
            f"{clock(surprises[0].at)}{f', most often “{what}”' if what else ''}",
        )


def _commonest(said: Sequence[Event]) -> str:
    """The template of the error lines that came most often."""
    named = [e for e in said if re.match(r"[\w.]*(?:Error|Exception|Refused|Timeout)\b", _text(e))]
    found = mine((str(e.data.get("process", "")), e.at, _text(e)[:120]) for e in named)
    best = max(found, key=lambda each: len(each.moments), default=None)
    return best.text.replace(ANY, "…")[:80] if best else ""


def crash_loop(scene: Scene) -> Iterator[Symptom]:
    """A process that ended again and again, other than by the fault's own hand."""
    if scene.start is None or scene.step.fault in ("process_kill", "crash_loop"):
        return
    ended = [
        e for e in scene.record.of("process.exited") if scene.start - AFTER_S <= e.at <= scene.end + AFTER_S
    ]
    for name, count in Counter(str(event.data.get("process")) for event in ended).items():
        if count >= RESTARTS:
            yield scene.symptom("restart_loop", f"“{name}” ended {count} times {scene.when()}")


def _text(event: Event) -> str:
    return str(event.data.get("line", ""))


PATTERNS: tuple[Callable[[Scene], Iterator[Symptom]], ...] = (
    retries,
    no_fallback,
    unhandled,
    crash_loop,
    leak,
)
