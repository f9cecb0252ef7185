"""Facts of a run: processes, load, method, sandbox, versions; enough to run it again."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from chaos.analysis.result import Result
from chaos.faults import FAULTS
from chaos.report import scale
from chaos.tolerances import Tolerance
from chaos.units import Unit


@dataclass(frozen=True)
class Fact:
    """One value of what was run; code is set in a fixed-width face."""

    text: str
    code: bool = False
    url: str = ""


def facts(result: Result, started: Mapping[str, Any]) -> list[tuple[str, list[Fact]]]:
    """What was run, as names with one or several values; empty ones are left out."""
    plan = started.get("plan") or {}
    rows: list[tuple[str, Sequence[Fact]]] = [
        ("Run", [Fact(result.run_id, code=True)]),
        ("Digest", [Fact(result.digest, code=True)]),
        ("Processes", [_process(process) for process in plan.get("processes") or ()]),
        ("Load", _load(plan.get("load"))),
        ("Method", [_step(step) for step in plan.get("method") or ()]),
        ("Stop conditions", [_stop(stop) for stop in plan.get("stop_when") or ()]),
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


def _process(process: Mapping[str, Any]) -> Fact:
    command = shlex.join(str(word) for word in process.get("command") or ())
    port = f" (port {process['port']})" if process.get("port") else ""
    return Fact(f"{process.get('name')}: {command}{port}", code=True)


def _load(load: Mapping[str, Any] | None) -> list[Fact]:
    if not load:
        return []
    timeout = f", timeout {scale.seconds(load['timeout_s'])}" if load.get("timeout_s") else ""
    request = f"{load.get('method') or 'GET'} {load.get('url')}"
    return [
        Fact(request, code=True),
        Fact(f"{scale.rate(float(load.get('rate_per_s') or 0))}, open loop{timeout}"),
    ]


def _step(step: Mapping[str, Any]) -> Fact:
    fault = {key: value for key, value in (step.get("fault") or {}).items() if value is not None}
    kind = str(fault.pop("type", ""))
    units = _units(kind)
    fields = ", ".join(
        f"{key} {units[key].format(value) if key in units else value}" for key, value in fault.items()
    )
    during = scale.seconds(float(step.get("hold_s") or 0))
    return Fact(f"{step.get('name')}: {kind}{f' ({fields})' if fields else ''}, held for {during}")


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


def _stop(stop: Mapping[str, Any]) -> Fact:
    probe = stop.get("probe") or {}
    tolerance = Tolerance(**(stop.get("tolerance") or {}))
    during = scale.seconds(float(stop.get("for_s") or 0))
    return Fact(f"{probe.get('metric') or probe.get('type')} is not “{tolerance}” for {during}")


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
