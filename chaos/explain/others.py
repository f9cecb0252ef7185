"""Looks that wait for the same workers and connections as the load does: they hold places, too.

A look at the load's server is counted when it is held about as long as a request of the load: an endpoint that says at
once that all is well takes no place worth counting, and a look elsewhere takes none.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from chaos.analysis.disagreement import alike
from chaos.explain.scene import Scene
from chaos.statistics.latencies import Request, request_of

NOT_MADE = frozenset({"skipped", "unjudged"})
"""Looks that asked nobody, or whose answer was not read."""
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
AS_LONG = 0.5
"""A look that is held for this share of the time of a request of the load, or longer, waits with it."""


class RivalLooks(NamedTuple):
    """The looks of one probe under the fault."""

    looks: Sequence[Request]
    answered: Sequence[Request]
    """Those with a good answer while the fault was in place."""
    held_s: float
    """For how long one holds a place."""


def beside(scene: Scene, held_s: float) -> list[RivalLooks]:
    """The probes that take places from a load whose requests hold one for `held_s`."""
    load = scene.record.plan.get("load") or {}
    found = []
    for name, probe in _probes(scene):
        if _server(scene, probe) != _server(scene, load):
            continue
        looks = list(_looks(scene, name, float(probe.get("timeout") or 1.0)))
        answered = [each for each in looks if each.failure is None and each.at + each.took_s <= scene.end]
        if not answered:
            continue
        own_s = held_s if alike(probe, load) else min(each.took_s for each in answered)
        if own_s >= AS_LONG * held_s:
            found.append(RivalLooks(looks, answered, own_s))
    return found


def _probes(scene: Scene) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for state in scene.record.plan.get("steady_state") or ():
        probe = state.get("probe") or {}
        if probe.get("type") == "http":
            yield str(state.get("name")), probe


def _server(scene: Scene, asked: Mapping[str, Any]) -> tuple[str | None, int]:
    """Host and port; every process of the app is here, whatever it is called."""
    url = urlsplit(str(asked.get("url") or ""))
    here = {*_HERE, *(each.get("name") for each in scene.record.plan.get("processes") or ())}
    host = "localhost" if url.hostname in here else url.hostname
    return host, url.port or (443 if url.scheme == "https" else 80)


def _looks(scene: Scene, name: str, timeout_s: float) -> Iterator[Request]:
    for event in scene.record.of("probe.sampled"):
        here = scene.start is not None and scene.start <= event.at < scene.end
        if here and event.data.get("probe") == name and event.data.get("error") not in NOT_MADE:
            value = event.data.get("value")
            status = value.get("status") if isinstance(value, Mapping) else None
            yield request_of(event.at, {**event.data, "status": status}, timeout_s)
