"""Queues before something that serves only so many at once: workers, threads, connections of a pool.

What serves c at once, each held for S seconds, serves c / S a second: that is its capacity. Offered more, it falls
behind, and who comes later waits longer: latency grows by the queue and not by the delay. Seen from outside: good
answers come at a steady rate below the offered one, the fastest took S, and the others waited. Then c is about the rate
of answers times S. Source: Little, A Proof for the Queuing Formula L = λW, Operations Research 9 (1961).
"""

import re
from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from chaos.analyzers.scene import AFTER_S, Scene, Symptom
from chaos.latencies import percentile
from chaos.measure.moments import clock, seconds

STANDSTILLS = frozenset(
    {"process_pause", "process_stop", "process_kill", "crash_loop", "sandbox_freeze", "sandbox_offline"}
)
"""Faults under which nobody serves: what piles up is no matter of capacity."""
WAITED = 2.0
"""So many times as long as the fastest the others took: most of it was waiting."""
WAITED_S = 0.05
BEHIND = 0.9
"""Below this share of what was offered, answers fall behind."""
FEWEST = 20
FASTEST = 0.02
"""Share of the good answers before which nobody waited."""

_NO_CONNECTION = re.compile(
    r"PoolTimeout|couldn't get a connection after|QueuePool limit|connection (?:is )?not available, request timed out|"
    r"timeout (?:waiting|acquiring|exceeded when trying to connect|expired while waiting)[^.]*(?:connection|pool)|"
    r"timed out (?:waiting )?(?:for|acquiring)[^.]*(?:connection|pool)|pool (?:is )?(?:exhausted|(?:probably )?full)|"
    r"(?:exhausted|no (?:free|available)) (?:connection|pool)|ResourceRequest timed out|PoolExhausted|"
    r"too many clients already|remaining connection slots|max(?:imum)? number of clients reached|connection limit exce",
    re.IGNORECASE,
)


class Queue(NamedTuple):
    """What was seen of one."""

    offered_per_s: float
    served_per_s: float
    held_s: float
    """What the fastest took: nobody was before them."""
    waited_s: float
    """What half of the others took, in the second half of the fault."""

    @property
    def at_once(self) -> float:
        """About so many were served at once."""
        return self.served_per_s * self.held_s

    @property
    def needed(self) -> float:
        """So many would have had to be."""
        return self.offered_per_s * self.held_s


def queue(scene: Scene) -> Queue | None:
    """The queue under a fault; None where there is none to be sure of."""
    found = scene.during()
    if scene.start is None or scene.step.fault in STANDSTILLS or len(found) < FEWEST:
        return None
    begin = (scene.start + scene.end) / 2
    late = [each for each in found if each.at >= begin]
    good = [each for each in found if each.failure is None and each.at + each.took_s <= scene.end]
    answered_late = [each for each in good if each.at + each.took_s >= begin]
    held_s = percentile(sorted(each.took_s for each in good), FASTEST)
    if held_s is None or len(good) < FEWEST // 2 or not late or not answered_late:
        return None
    length_s = scene.end - begin
    offered = len(late) / length_s + _looked_per_s(scene.record.plan)
    served = len(answered_late) / len(late) * offered
    waited_s = median(each.took_s for each in answered_late)
    waits = waited_s >= WAITED * held_s and waited_s - held_s >= WAITED_S
    return Queue(offered, served, held_s, waited_s) if waits and served < BEHIND * offered else None


def queues(scene: Scene) -> Iterator[Symptom]:
    """A queue, or a pool that had no connection to give in time."""
    refused = _without_connection(scene)
    found = queue(scene)
    if found is not None:
        said = (
            f"{found.offered_per_s:.3g} requests a second were offered and {found.served_per_s:.3g} answered "
            f"{scene.when()}; the fastest took {seconds(found.held_s)}, half of the later ones over "
            f"{seconds(found.waited_s)}: a queue before some {found.at_once:.0f} served at once, and "
            f"{found.needed:.0f} would have been needed ({found.offered_per_s:.3g}/s, each {seconds(found.held_s)})"
        )
        yield scene.symptom("queue", f"{said}{refused and f'; {refused}'}")
    elif refused:
        yield scene.symptom("pool_timeout", refused)


def _without_connection(scene: Scene) -> str:
    """Lines that say that a pool, or a server, had no connection to give."""
    if scene.start is None:
        return ""
    lines = [
        event
        for event in scene.record.of("log.captured")
        if scene.start <= event.at <= scene.end + AFTER_S and _NO_CONNECTION.search(_text(event.data))
    ]
    if not lines:
        return ""
    process, quoted = lines[0].data.get("process"), _NO_CONNECTION.search(_text(lines[0].data))
    return (
        f"“{process}” found no connection in its pool in time, {len(lines):,} lines {scene.when()}, first at "
        f"{clock(lines[0].at)} (“{quoted[0] if quoted else ''}”)"
    )


def _text(data: Mapping[str, Any]) -> str:
    return str(data.get("line", ""))[:1000]


def _looked_per_s(plan: Mapping[str, Any]) -> float:
    """What looks at the very page that the load asks for add to what it is offered."""
    page = _page((plan.get("load") or {}).get("url"))
    probes = [state.get("probe") or {} for state in plan.get("steady_state") or ()]
    return sum(
        1 / float(probe["every"])
        for probe in probes
        if probe.get("type") == "http" and probe.get("every") and _page(probe.get("url")) == page
    )


def _page(url: object) -> tuple[str, str]:
    parts = urlsplit(str(url))
    return parts.netloc, parts.path
