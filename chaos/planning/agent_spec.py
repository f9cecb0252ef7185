"""What the agent is told to do: the part of an experiment that happens inside the sandbox, in base units."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from chaos.errors import TargetError
from chaos.manifests.models.experiment import ExperimentSpec
from chaos.manifests.models.target import Process, SecretValue
from chaos.probes import Probe
from chaos.tolerances import Tolerance

APP = "/app"
"""Where the app's directory is inside the sandbox."""
FOLDER = "/run/chaoslab"
"""Where order, journal, lease and stop are inside the sandbox."""
LEASE_S = 15.0
"""How long the agent goes on without a sign of life from its controller."""
SAMPLE_HZ = 10


def work_of(spec: ExperimentSpec) -> dict[str, Any]:
    """The agent's part, as plain data."""
    work: dict[str, Any] = {
        "lease_s": LEASE_S,
        "sample_hz": SAMPLE_HZ,
        "memory_limit_bytes": int(spec.sandbox.memory),
        "disk_paths": sorted({"/tmp", APP, *_fault_paths(spec)}),
        "setup": spec.target.setup,
        "setup_files": spec.target.setup_files,
        "processes": [_process(process, spec) for process in spec.target.processes],
        "load": _load(spec),
        "steady_state": [_steady(spec, index) for index in range(len(spec.steady_state))],
        "significance": spec.significance,
        "method": [entry for step in spec.method for entry in step.entries()],
        "baseline_s": spec.phases.baseline,
        "recovery_s": spec.phases.recovery,
        **({"warmup_s": spec.phases.warmup} if spec.phases.warmup else {}),  # no other digest than without it
        "stop_when": [
            {
                "probe": _probe(stop.probe),
                "tolerance": _tolerance(stop.tolerance),
                "for_s": stop.lasting,
            }
            for stop in spec.stop_when
        ],
    }
    if spec.target.user:
        work["user"] = spec.target.user
    if spec.sandbox.cpu is not None:  # no other digest than before it could be said
        work["cpu_limit"] = spec.sandbox.cpu
    plain: dict[str, Any] = json.loads(json.dumps(work, allow_nan=False))
    return plain


def _fault_paths(spec: ExperimentSpec) -> Iterator[str]:
    for step in spec.method:
        if isinstance(path := getattr(step.fault, "path", None), str):
            yield path


def _process(process: Process, spec: ExperimentSpec) -> dict[str, Any]:
    user = process.user or spec.target.user
    return {
        "name": process.name,
        "command": process.command,
        "port": process.port,
        "env": {name: _value(value) for name, value in process.env.items()},
        "cwd": process.cwd,
        "ready": _probe(process.ready) if process.ready else None,
        "restart": process.restart,
        "ready_timeout_s": process.ready_within,
        **({"leftovers": process.leftovers} if process.leftovers != "kill" else {}),
        **({"user": user} if user else {}),  # and no other digest than before it could be said
    }


def _value(value: str | SecretValue) -> str | dict[str, str]:
    """The text, or the name of the secret: values of secrets are nowhere before the agent gets its order."""
    return value if isinstance(value, str) else {"secret": value.secret}


def _load(spec: ExperimentSpec) -> dict[str, Any] | None:
    if spec.load is None:
        return None
    load = spec.load.model_dump()
    rate, timeout, use, arrivals = (load.pop(key) for key in ("rate", "timeout", "connections", "arrivals"))
    del load["max_connections"]
    return {
        **load,
        "connections": spec.load.limit,
        "rate_per_s": rate,
        "timeout_s": timeout,
        # What is not by default: no other digest than before it could be said.
        **({"arrivals": arrivals} if arrivals != "poisson" else {}),
        **({"connection_use": use} if use in ("reuse", "new") else {}),
    }


def _steady(spec: ExperimentSpec, index: int) -> dict[str, Any]:
    state = spec.steady_state[index]
    within = state.recover_within
    if state.holds == "afterwards" and within is None:
        within = spec.phases.recovery
    return {
        "name": state.name,
        "probe": _probe(state.probe),
        "tolerance": _tolerance(state.tolerance),
        "holds": state.holds,
        "budget": state.budget,
        "recover_within_s": within,
    }


def _probe(probe: Probe) -> dict[str, Any]:
    fields = asdict(probe)
    if fields["arrivals"] == "random":
        del fields["arrivals"]  # and no other digest than before it could be said
    return fields


def _tolerance(part: Any) -> dict[str, Any]:
    tolerance: Tolerance = part.tolerance()
    return tolerance.to_json()


def launched(
    order: Mapping[str, Any], facts: Mapping[str, Any], *, may_lack_wall: bool = False
) -> dict[str, Any]:
    """The order for the sandbox of these facts. Pure. Raises TargetError when a process has no command at all.

    `app` is where its image wants to run, and `command` what it wants to; `wall` is how the app is kept apart there.
    """

    def process(entry: Mapping[str, Any]) -> dict[str, Any]:
        command = entry["command"] or facts.get("command")
        if not command:
            raise TargetError(f"process {entry['name']}: neither the manifest nor its image names a command")
        return {**entry, "command": command}

    return {
        **order,
        "app": facts.get("app", order["app"]),
        "processes": [process(entry) for entry in order["processes"]],
        "wall": wall_of(facts, may_lack=may_lack_wall),
    }


def wall_of(facts: Mapping[str, Any], *, may_lack: bool) -> dict[str, Any]:
    """How the app is kept apart from the agent in the sandbox of these facts: see chaos.agent.wall. Pure."""
    told = facts.get("wall", {})
    return {"keep_ids": bool(told.get("keep_ids")), "image": told.get("image"), "may_lack": may_lack}
