"""Requests that wait for a worker, a thread or a pooled connection: how many are served at a time, and for how long.

By Little's law (Little, 1961) as many are in service as are answered in a second, times the seconds that each is held:
capacity is their number over that time. A queue is told by what only a queue does: fewer are answered than are offered,
the first answers are as quick as one alone, and each later one has waited longer.
"""

import re
from collections.abc import Iterator, Sequence
from statistics import fmean, linear_regression, median
from typing import NamedTuple

from chaos.analysis.moments import clock, seconds
from chaos.explain.others import beside
from chaos.explain.scene import AFTER_S, Scene, Symptom
from chaos.statistics.latencies import Request

FEWEST, FEWEST_ANSWERS = 20, 6
"""Requests under the fault, and answers among them, from which on rates are worth a word."""
KEEPS_UP = 0.9
"""An app that answers so large a share of what is offered has no queue that grows."""
WAITED, WAITED_S = 2.0, 0.05
"""The later answers take so many times the time that one is held, and so much longer."""
MOVES = 0.1
"""A pool whose places come back answers this share of the requests at least."""
POOLS = 3
"""So many lines about a pool without a free place are no accident."""

_POOL = re.compile(
    r"pool ?timeout|queuepool limit|(?:get|acquir\w*|obtain\w*|waiting for) an? (?:free )?connection|"
    r"pool (?:is |has been )?(?:exhausted|full|empty)|(?:connection|thread) pool .{0,40}(?:timed? ?out|exhausted)|"
    r"connection is not available, request timed out|too many clients already|remaining connection slots|"
    r"rejectedexecution|max(?:imum)? number of connections reached|no (?:free|idle) (?:connection|worker|thread)s?\b|"
    r"timeout exceeded when trying to connect|worker_connections are not enough|reached max_children",
    re.IGNORECASE,
)


class Queue(NamedTuple):
    """What was offered and answered while requests waited for each other."""

    offered: float
    """Requests a second, of this run's load and of looks that waited with them."""
    by_looks: float
    """How many of those were looks."""
    answered: float
    """Good answers a second to all of them, while nobody had given up yet."""
    held_s: float
    """The time of the quickest answers under the fault: nobody waited before those."""
    mean_held_s: float
    """The same, of the looks too, as many as there were of each."""
    waited_s: float
    """The median of the later answers."""
    failed: int

    @property
    def at_a_time(self) -> int:
        """How many are served at once."""
        return max(1, round(self.answered * self.mean_held_s))


def queue(scene: Scene) -> Queue | None:
    """The queue that built up under a fault; None when there is none, or too little to tell."""
    found = scene.during()
    good = [each for each in found if each.failure is None and each.at + each.took_s <= scene.end]
    held_s = min((request.took_s for request in good), default=0.0)
    if scene.start is None or len(found) < FEWEST or len(good) < FEWEST_ANSWERS:
        return None
    waited_s = median(request.took_s for request in good[len(good) // 2 :])
    first_s = median(request.took_s for request in good[: max(3, len(good) // 10)])
    if (
        waited_s - _late_s(scene) < max(WAITED * held_s, held_s + WAITED_S)
        or first_s > (held_s + waited_s) / 2
    ):
        return None
    looks = beside(scene, held_s)
    everyone = [*found, *(look for each in looks for look in each.looks)]
    until = _undisturbed(scene, everyone)
    lasted_s = scene.end - scene.start
    offered, by_looks = len(everyone) / lasted_s, (len(everyone) - len(found)) / lasted_s
    held = [*((each, held_s) for each in good), *((each, of.held_s) for of in looks for each in of.answered)]
    answered = _rate([each for each, _ in held], until)
    if answered is None or answered >= KEEPS_UP * offered:
        return None
    mean_held_s = fmean(place_s for _, place_s in held)
    failed = sum(each.failure is not None for each in found)
    return Queue(offered, by_looks, answered, held_s, mean_held_s, waited_s, failed)


def _late_s(scene: Scene) -> float:
    """How much of a wait may be the load's own lateness: times count from the moment that was intended."""
    return max((load.lateness_p99_s or 0.0 for load in scene.result.load.values()), default=0.0)


def _undisturbed(scene: Scene, found: Sequence[Request]) -> float:
    """Until when no caller had left: afterwards places are held by work that nobody waits for."""
    left = [each.at + each.took_s for each in found if each.failure == "timeout"]
    return min([scene.end, *left])


def _rate(good: Sequence[Request], until: float) -> float | None:
    """Answers a second: the slope of their count, which no burst at an end of the time can bend; None of too few."""
    times = sorted(end for each in good if (end := each.at + each.took_s) <= until)
    if len(times) < FEWEST_ANSWERS:
        return None
    return linear_regression(times, range(1, len(times) + 1)).slope


def queued(scene: Scene) -> Iterator[Symptom]:
    """A queue: its capacity, beside the rate that was offered."""
    found = queue(scene)
    if found is None:
        return
    many = f"about {found.at_a_time} at a time" if found.at_a_time > 1 else "one at a time"
    failed = f", {found.failed:,} failed" if found.failed else ""
    whose, offered = "of the load's requests", f"the load alone offered {found.offered:.1f} a second"
    if found.by_looks:
        by_load = found.offered - found.by_looks
        whose, offered = "requests", f"{found.offered:.1f} a second were offered"
        offered += f" ({by_load:.1f} by the load, {found.by_looks:.1f} by looks at the same server)"
    yield scene.symptom(
        "queue" if found.at_a_time > 1 else "queue_of_one",
        f"{found.answered:.1f} {whose} a second were answered, {many}, each held for "
        f"{seconds(found.held_s)}, while {offered}: later ones took {seconds(found.waited_s)}{failed} {scene.when()}",
    )


def pools(scene: Scene) -> Iterator[Symptom]:
    """A pool that had no free place, by its own words."""
    said = pool_lines(scene)
    if len(said) < POOLS:
        return
    failed = [request.took_s for request in scene.during() if request.failure is not None]
    after = f"; failed requests had waited {seconds(median(failed))}" if failed else ""
    found = scene.during()
    moves = sum(request.failure is None for request in found) >= MOVES * len(found)
    yield scene.symptom(
        "pool_timeout" if moves else "pool_held",
        f"{len(said):,} log lines say that a pool had no free place, first at {clock(said[0])} {scene.when()}{after}",
    )


def pool_lines(scene: Scene) -> list[float]:
    """When lines about a pool without a free place were written while the fault was in place."""
    if scene.start is None:
        return []
    lines = scene.record.of("log.captured")
    return [
        e.at
        for e in lines
        if scene.start <= e.at <= scene.end + AFTER_S and _POOL.search(str(e.data.get("line")))
    ]
