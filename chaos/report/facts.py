"""Facts of a run: processes, load, method, sandbox, versions; enough to run it again."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from chaos.analysis.result import Result
from chaos.faults import FAULTS
from chaos.probes.metric import MetricProbe
from chaos.report import scale
from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import LoadSpec, ProcessSpec, StepSpec, StopSpec
from chaos.units import Unit

_OTHER = "what only another version knows"


@dataclass(frozen=True)
class Fact:
    """One value of what was run; code is set in a fixed-width face."""

    text: str
    code: bool = False
    url: str = ""


def facts(result: Result, started: Mapping[str, Any]) -> list[tuple[str, list[Fact]]]:
    """What was run, as names with one or several values; empty ones are left out."""
    plan = RunSpec.of_journal(started.get("plan"))
    rows: list[tuple[str, Sequence[Fact]]] = [
        ("Run", [Fact(result.run_id, code=True)]),
        ("Digest", [Fact(result.digest, code=True)]),
        ("Processes", [_process(process) for process in plan.processes]),
        ("Load", _load(plan.load)),
        ("Method", [_step(step) for step in plan.method]),
        ("Stop conditions", [_stop(stop) for stop in plan.stop_when]),
        ("Sandbox", [Fact(_sandbox(result))]),
        ("Seed", [Fact(str(started["seed"]))] if started.get("seed") is not None else []),
        ("Labels", [Fact(f"{key}: {value}") for key, value in result.labels.items()]),
        ("Times", [Fact(_times(result))]),
        ("See also", _links(result)),
        (
            "Versions",
            [Fact(", ".join(f"{key} {value}" for key, value in (started.get("versions") or {}).items()))],
        ),
    ]
    kept = ((name, [fact for fact in found if fact.text]) for name, found in rows)
    return [(name, found) for name, found in kept if found]


def _process(process: ProcessSpec) -> Fact:
    port = f" (port {process.port})" if process.port else ""
    return Fact(f"{process.name}: {shlex.join(process.command or ())}{port}", code=True)


def _load(load: LoadSpec | None) -> list[Fact]:
    if load is None:
        return []
    return [
        Fact(f"{load.method} {load.url}", code=True),
        Fact(f"{scale.rate(load.rate_per_s)}, open loop, timeout {scale.seconds(load.timeout_s)}"),
    ]


def _step(step: StepSpec) -> Fact:
    kind, fault = (
        step.fault.type,
        {key: value for key, value in step.fault.fields.items() if value is not None},
    )
    units = _units(kind)
    fields = ", ".join(
        f"{key} {units[key].format(value) if key in units else value}" for key, value in fault.items()
    )
    during = scale.seconds(step.hold_s)
    return Fact(f"{step.name}: {kind}{f' ({fields})' if fields else ''}, held for {during}")


def _units(kind: str) -> dict[str, Unit]:
    """The fields of a fault that are quantities, and how to write them."""
    if kind not in FAULTS:
        return {}
    found: dict[str, Unit] = {}
    for name, hint in get_type_hints(FAULTS[kind], include_extras=True).items():
        # `Duration | None` wraps the annotated type once more.
        for part in (hint, *get_args(hint)):
            for extra in getattr(part, "__metadata__", ()):
                if isinstance(extra, Unit):
                    found[name] = extra
    return found


def _stop(stop: StopSpec) -> Fact:
    metric = stop.probe.of(MetricProbe)
    what = stop.probe.type if metric is None else metric.metric
    return Fact(f"{what} is not “{stop.tolerance or _OTHER}” for {scale.seconds(stop.for_s)}")


def _links(result: Result) -> list[Fact]:
    known = (("dashboard", result.links.dashboard), ("Prefect run", result.links.prefect))
    return [Fact(name, url=url) for name, url in known if url and url.startswith(("http://", "https://"))]


def _sandbox(result: Result) -> str:
    end = "destroyed" if result.sandbox.destroyed else "not seen destroyed"
    return " · ".join(part for part in (result.sandbox.type, result.sandbox.id, end) if part)


def _times(result: Result) -> str:
    timings = result.timings
    opened = "" if timings.sandbox_s is None else f", sandbox open in {scale.seconds(timings.sandbox_s)}"
    # A run that ended early lasted less than it declared; it has no overhead to speak of.
    overhead = f", {scale.seconds(timings.overhead_s)} overhead" if timings.overhead_s >= 0 else ""
    return f"{scale.seconds(timings.total_s)} in all: {scale.seconds(timings.declared_s)} declared{overhead}{opened}"
