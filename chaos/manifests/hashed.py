"""Hashed part of a spec: what happens, not when; a later field counts only where it differs from its default.

So a new version that can say more gives no manifest another digest, and no experiment another run after a push.
"""

from collections.abc import Iterator
from typing import Any

from chaos.faults import FAULTS
from chaos.manifests.models.experiment import ExperimentSpec

WHEN = {"schedule", "suspend", "on_push", "depends_on", "dashboard"}
"""What says when to run, not what happens then."""
LATER = {"scope", "match", "tls", "handshake"}
"""Fields of faults that came later."""


def hashed(spec: ExperimentSpec) -> dict[str, Any]:
    """Plain data, in an order that does not matter."""
    said: dict[str, Any] = spec.model_dump(exclude=WHEN)
    _without(said["phases"], warmup=0.0)
    for probe in _probes(said):
        _without(probe, arrivals="random")
    for watched in (*said["steady_state"], *said["stop_when"]):
        if "invariant" in watched["tolerance"]:
            _without(watched["tolerance"], invariant=None, number=None)
    for process in said["target"]["processes"]:
        _without(process, leftovers="kill")
    for step in said["method"]:
        _without(step, expect_met=True, reconnect=False)
        fault = step["fault"]
        kind = FAULTS[fault["type"]]
        _without(fault, **{name: getattr(kind, name) for name in LATER.intersection(fault)})
    if spec.load is not None:
        load = said["load"]
        use, load["connections"] = load["connections"], spec.load.limit
        _without(load, arrivals="poisson", max_connections=load["max_connections"])
        load |= {"connection_use": use} if use in ("reuse", "new") else {}
    return said


def _without(fields: dict[str, Any], **defaults: Any) -> None:
    """Leave out what says no more than its default."""
    for name, value in defaults.items():
        if fields[name] == value:
            del fields[name]


def _probes(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for watched in (*said["steady_state"], *said["stop_when"]):
        yield watched["probe"]
    for process in said["target"]["processes"]:
        if process["ready"]:
            yield process["ready"]
