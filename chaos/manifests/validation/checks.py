"""Consistency checks of one experiment: names, times, and the blast radius.

Each check reads the document as it was written, because it must also speak when something else in the file is
invalid: it says what it can of what it understands, and leaves the rest to validation.
"""

from collections.abc import Iterator
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from chaos.invariants import AT_LEAST, EQUALS, WRITES
from chaos.manifests.models.experiment import BlastRadius
from chaos.manifests.models.sandboxes import LocalSandbox
from chaos.manifests.validation import draft
from chaos.manifests.yaml.problems import Path, quoted, unknown
from chaos.statistics.latencies import QUANTILES
from chaos.units import DURATION, RATE

Issues = Iterator[tuple[Path, str]]

LOAD_METRICS = (*QUANTILES, "error_rate", "throughput")
START_AND_END_S = 30.0
"""Time that a sandbox needs beside the phases: to start the app, and to be read and closed."""
STOPS_SEEN_EVERY_S = 1.0
"""Whatever a stop condition watches is looked at once a second at least."""
FEWEST_REQUESTS = 10
"""In the window of a metric of the load: of fewer a percentile is no more than one request's luck."""


def inconsistencies(document: dict[str, Any]) -> list[tuple[Path, str]]:
    """What does not agree in this document, with absolute paths."""
    spec = document.get("spec")
    if not isinstance(spec, dict):
        return []
    return [(("spec", *path), what) for check in _CHECKS for path, what in check(spec)]


def _unique_names(spec: dict[str, Any]) -> Issues:
    for where in (("target", "processes"), ("steadyState",), ("method",)):
        first: dict[str, int] = {}
        for path, item in draft.items(spec, *where):
            name = item.get("name")
            if isinstance(name, str) and first.setdefault(name, int(path[-1])) != path[-1]:
                yield (*path, "name"), f"'{name}' is already the name of {where[-1]}[{first[name]}]"


def _unique_ports(spec: dict[str, Any]) -> Issues:
    first: dict[int, int] = {}
    for path, process in draft.items(spec, "target", "processes"):
        port = process.get("port")
        if type(port) is int and first.setdefault(port, int(path[-1])) != path[-1]:
            yield (*path, "port"), f"{port} is already the port of processes[{first[port]}]"


def _known_processes(spec: dict[str, Any]) -> Issues:
    names = [process.get("name") for _, process in draft.items(spec, "target", "processes")]
    known = [name for name in names if isinstance(name, str)]
    for path, one in [*draft.faults(spec), *draft.probes(spec)]:
        if isinstance(name := one.get("process"), str) and name not in known:
            yield (*path, "process"), unknown(name, known, "process")


def _metrics_have_load(spec: dict[str, Any]) -> Issues:
    for path, probe in draft.probes(spec):
        if probe.get("metric") in LOAD_METRICS and not spec.get("load"):
            yield (*path, "metric"), f"{probe['metric']} is computed from 'spec.load', which is missing"


def _invariants_have_writes(spec: dict[str, Any]) -> Issues:
    for path, state in draft.items(spec, "steadyState"):
        tolerance = draft.mapping(state, "tolerance")
        if "number" in tolerance and "invariant" not in tolerance:
            yield (*path, "tolerance", "number"), "goes with 'invariant', which is missing"
        method = draft.mapping(spec, "load").get("method", "GET")
        if tolerance.get("invariant") in (EQUALS, AT_LEAST) and method not in WRITES:
            sends = f"sends {method}" if spec.get("load") else "is missing"
            what = f"counts the writes of 'spec.load', which {sends}; its method must be one of: {', '.join(WRITES)}"
            yield (*path, "tolerance", "invariant"), what
    for path, stop in draft.items(spec, "stopWhen"):
        if "invariant" in draft.mapping(stop, "tolerance"):
            what = "is about all looks together; a stop condition judges each by itself"
            yield (*path, "tolerance", "invariant"), what


def _urls(spec: dict[str, Any]) -> Issues:
    places = [(path, probe) for path, probe in draft.probes(spec) if probe.get("type") == "http"]
    for path, place in [*places, (("load",), draft.mapping(spec, "load"))]:
        url = place.get("url")
        if isinstance(url, str) and (why := _wrong_url(url)):
            yield (*path, "url"), f"{quoted(url)} {why}; expected one such as http://127.0.0.1:8000/health"


def _wrong_url(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"is not a URL: {error}"
    if parts.scheme != "http":
        return "is not plain http"
    if not parts.hostname or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        return "is not a URL"
    return None


def _ports(spec: dict[str, Any]) -> Issues:
    for path, one in [*draft.faults(spec), *draft.probes(spec)]:
        port = one.get("port")
        if type(port) is int and not 1 <= port <= 65535:
            yield (*path, "port"), f"{port} is not a port; 1 to 65535"


def _commands(spec: dict[str, Any]) -> Issues:
    for path, probe in draft.probes(spec):
        if probe.get("command") == []:
            yield (*path, "command"), "is empty; write a program and its arguments"


def _recovery_is_seen(spec: dict[str, Any]) -> Issues:
    recovery = draft.phase(spec, "recovery")
    for path, state in draft.items(spec, "steadyState"):
        if "recoverWithin" not in state:
            continue
        within = draft.seconds(state["recoverWithin"])
        if state.get("holds", "throughout") == "throughout":
            yield (*path, "recoverWithin"), "needs 'holds: afterwards'; what holds throughout never recovers"
        elif within is not None and recovery is not None and within > recovery:
            what = (
                f"{state['recoverWithin']} is longer than the recovery phase of {DURATION.format(recovery)}"
            )
            yield (*path, "recoverWithin"), what


def _holds_are_allowed(spec: dict[str, Any]) -> Issues:
    allowed = draft.seconds(
        draft.mapping(spec, "blastRadius").get("maxHold"), draft.default(BlastRadius, "max_hold")
    )
    for path, step in draft.items(spec, "method"):
        hold = draft.hold(step)
        if hold is not None and allowed is not None and hold > allowed:
            what = (
                f"{DURATION.format(hold)} is beyond the blast radius: maxHold is {DURATION.format(allowed)}"
            )
            yield (*path, "hold"), what


def _faults_have_time(spec: dict[str, Any]) -> Issues:
    for path, step in draft.items(spec, "method"):
        over, hold = draft.fault_seconds(step.get("fault"), "over"), draft.hold(step)
        if over is not None and hold is not None and over > hold:
            what = (
                f"takes {DURATION.format(over)} to be reached, but is held for {DURATION.format(hold)} only"
            )
            yield (*path, "fault", "over"), what


def _looks_often_enough(spec: dict[str, Any]) -> Issues:
    baseline = draft.phase(spec, "baseline")
    for path, state in draft.items(spec, "steadyState"):
        probe = draft.mapping(state, "probe")
        every = draft.seconds(probe.get("every"), draft.default_every(probe.get("type")))
        if baseline is not None and every is not None and every * 2 > baseline:
            what = f"looks every {DURATION.format(every)}, less than twice in a baseline of "
            yield (*path, "probe", "every"), what + DURATION.format(baseline)


def _stops_are_seen_soon(spec: dict[str, Any]) -> Issues:
    for path, stop in draft.items(spec, "stopWhen"):
        every = draft.seconds(draft.mapping(stop, "probe").get("every"), None)
        if every is not None and every > STOPS_SEEN_EVERY_S:
            what = f"{DURATION.format(every)} is too rare for what ends a run; at most "
            yield (*path, "probe", "every"), what + DURATION.format(STOPS_SEEN_EVERY_S)


def _metrics_see_enough(spec: dict[str, Any]) -> Issues:
    rate = draft.per_second(draft.mapping(spec, "load").get("rate"))
    for path, item in [*draft.items(spec, "steadyState"), *draft.items(spec, "stopWhen")]:
        probe = draft.mapping(item, "probe")
        window = draft.window(probe)
        if probe.get("metric") not in LOAD_METRICS or rate is None or window is None:
            continue
        # A microsecond's worth of rounding must not refuse 10 requests.
        if rate * window < FEWEST_REQUESTS - 1e-6:
            what = (
                f"{probe['metric']} over {DURATION.format(window)} at {RATE.format(rate)} is computed from "
            )
            what += f"{rate * window:.3g} requests; at least {FEWEST_REQUESTS}: window "
            what += f"{DURATION.format(ceil(FEWEST_REQUESTS / rate * 1000) / 1000)}, or a rate of "
            yield (*path, "probe", "window"), what + RATE.format(ceil(FEWEST_REQUESTS / window))


def _windows_fit(spec: dict[str, Any]) -> Issues:
    baseline = draft.phase(spec, "baseline")
    for path, state in draft.items(spec, "steadyState"):
        window = draft.window(draft.mapping(state, "probe"))
        if baseline is not None and window is not None and window > baseline:
            what = f"{DURATION.format(window)} is longer than the baseline of {DURATION.format(baseline)}"
            yield (*path, "probe", "window"), f"{what}: no window would be full before the fault"


def _lives_long_enough(spec: dict[str, Any]) -> Issues:
    ttl = draft.seconds(draft.mapping(spec, "sandbox").get("ttl"), LocalSandbox.model_fields["ttl"].default)
    holds = [draft.hold(step) for _, step in draft.items(spec, "method")]
    parts = [*(draft.phase(spec, name) for name in ("warmup", "baseline", "recovery")), *holds]
    if ttl is None or any(part is None for part in parts):
        return
    needed = sum(part for part in parts if part is not None) + START_AND_END_S
    if ttl < needed:
        what = (
            f"{DURATION.format(ttl)} is too short for phases, holds and {START_AND_END_S:.0f}s to start and"
        )
        yield ("sandbox", "ttl"), f"{what} end: at least {DURATION.format(needed)}"


_CHECKS = (
    _unique_names,
    _unique_ports,
    _known_processes,
    _metrics_have_load,
    _invariants_have_writes,
    _urls,
    _ports,
    _commands,
    _recovery_is_seen,
    _holds_are_allowed,
    _faults_have_time,
    _looks_often_enough,
    _stops_are_seen_soon,
    _metrics_see_enough,
    _windows_fit,
    _lives_long_enough,
)
