"""A plan in words: what would be done, step by step, with its units, and why it cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_type_hints

from chaos.analysis.foresight import Expected, expected, in_words, series_in_words
from chaos.analysis.looks import PlannedSteadyState
from chaos.faults import FAULTS
from chaos.manifests.mechanisms import in_words as mechanisms_in_words
from chaos.manifests.models.method import spans
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.planning.plan import Plan
from chaos.planning.secret_env import needed
from chaos.planning.secret_files import sentence
from chaos.probes import PROBES
from chaos.tolerances import Tolerance
from chaos.units import DURATION, RATE, SHARE, SIZE, Unit


def describe(plan: Plan, refusals: Sequence[ManifestProblem] = ()) -> str:
    """The plan as indented lines; with `refusals`, why it cannot be carried out."""
    order = plan.order()
    sections = (
        _what(plan),
        _sandbox(plan, order),
        _target(plan, order),
        _looks(order),
        _timeline(plan, order),
        _ends(plan, order),
    )
    lines = [line for section in sections for line in section]
    if refusals:
        lines += ["", "cannot be carried out", *(f"  {problem}" for problem in refusals)]
    return "\n".join(lines)


def _what(plan: Plan) -> Iterator[str]:
    yield f"experiment {plan.name}  ({plan.source})"
    yield f"  hypothesis  {' '.join(plan.hypothesis.split())}"
    if plan.labels:
        yield f"  labels      {', '.join(f'{key}: {value}' for key, value in sorted(plan.labels.items()))}"
    yield f"  digest      {plan.digest}"
    yield f"  seed        {plan.seed}"


def _sandbox(plan: Plan, order: Mapping[str, Any]) -> Iterator[str]:
    box = plan.sandbox
    sizes = f"memory {SIZE.format(box['memory'])}, disk {SIZE.format(box['disk'])}"
    sizes += f", cpu {SHARE.format(box['cpu'])}" if box.get("cpu") else ""
    yield f"sandbox {box['type']}: {sizes}, destroys itself after {DURATION.format(box['ttl'])}"
    if plan.retries:
        yield f"  opening it is tried again up to {plan.retries} time{'s' if plan.retries > 1 else ''}"


def _target(plan: Plan, order: Mapping[str, Any]) -> Iterator[str]:
    yield f"target {plan.app or plan.image}"
    if said := sentence(plan.left_out, plan.work):
        yield f"  {said}"
    for command in order["setup"]:
        yield f"  setup    {' '.join(command)}"
    for process in order["processes"]:
        port = f", port {process['port']}" if process["port"] else ""
        ready = f", ready by {_probe(process['ready'])}" if process["ready"] else ""
        command = " ".join(process["command"] or ["the image's own command"])
        yield f"  process  {process['name']}: {command}{port}, restart {process['restart']}{ready}"
    for each in needed(order):
        name = order["processes"][each.process]["name"]
        yield f"  secret   {name}: {each.variable} from {each.secret} of the environment"
    if order["load"]:
        load = order["load"]
        timeout = DURATION.format(load["timeout_s"])
        rate = RATE.format(load["rate_per_s"])
        yield f"  load     {load['method']} {load['url']} at {rate}, timeout {timeout}"
        yield f"           {arrival_lines(load)}"


def arrival_lines(load: Mapping[str, Any]) -> str:
    """What is drawn by the seed of a load."""
    times = {"poisson": "arrivals drawn (poisson)", "uniform": "evenly spaced"}[
        load.get("arrivals", "poisson")
    ]
    use = {
        "mix": "open or new connections, drawn for each",
        "reuse": "connections reused",
        "new": "a new connection for each",
    }
    return f"{times}, {use[load.get('connection_use', 'mix')]}, at most {load['connections']}"


def _looks(order: Mapping[str, Any]) -> Iterator[str]:
    yield "steady state, each looked at once in every interval, at a place in it that is drawn unless it says otherwise"
    proofs = {state.name: found for state, found in expected(order)}
    for state in order["steady_state"]:
        when = state["holds"]
        if when == "afterwards":
            when += f", recovered within {DURATION.format(state['recover_within_s'])}"
        if state["budget"]:
            part = "time" if PlannedSteadyState.read(state).by_request else "samples"
            when += f", up to {SHARE.format(state['budget'])} of the {part} may be out"
        yield f"  {state['name']}: {_probe(state['probe'])}, {Tolerance(**state['tolerance'])}; {when}"
        yield _proof(proofs[state["name"]])


def _proof(found: Expected) -> str:
    """What the looks at one steady state can prove."""
    return f"    cannot be held: {found.too_few}" if found.too_few else f"    {in_words(found)}"


def _timeline(plan: Plan, order: Mapping[str, Any]) -> Iterator[str]:
    yield f"timeline {DURATION.format(plan.declared_s)}{_trials(plan)}"
    for at, name, what, seconds in _phases(order, str(plan.sandbox["type"])):
        for number, line in enumerate(what.split("\n")):
            left = f"{_clock(at)}  {name:<9} {DURATION.format(seconds):>6}" if number == 0 else " " * 25
            yield f"  {left}  {line}"
    yield f"  {_clock(plan.declared_s)}  end; the sandbox is destroyed"
    significance, states = float(order["significance"]), len(order["steady_state"])
    yield from (f"  {said}" for said in series_in_words(plan.series, states, significance))


def _trials(plan: Plan) -> str:
    """How often, and in which order, the timeline is passed."""
    if not plan.is_series:
        return ""
    turns = [f"{'control' if each.withheld else 'trial'} {each.trial}" for each in plan.segments()]
    shown = turns if len(turns) <= 6 else [*turns[:6], "…"]
    most = "at most " if plan.series.until_decided else ""
    return f", {most}{len(turns)} times, each in a fresh sandbox: {', '.join(shown)}"


def _phases(order: Mapping[str, Any], provider: str) -> Iterator[tuple[float, str, str, float]]:
    """Start in seconds, phase, what happens, length in seconds; by start."""
    warm = order.get("warmup_s", 0.0)
    if warm:
        yield 0.0, "warmup", "load and probes run; nothing of it is judged", warm
    begin = warm + order["baseline_s"]
    yield warm, "baseline", "look; unless it is steady, nothing is injected", order["baseline_s"]
    planned = spans(order["method"])
    for (start, _), step in sorted(zip(planned, order["method"], strict=True), key=lambda pair: pair[0]):
        yield begin + start, "fault", f"{step['name']}: {_fault(step['fault'], provider)}", step["hold_s"]
    yield begin + max(end for _, end in planned), "recovery", "look", order["recovery_s"]


def _ends(plan: Plan, order: Mapping[str, Any]) -> Iterator[str]:
    longest = max(step["hold_s"] for step in order["method"])
    yield "blast radius"
    yield f"  no fault is held longer than {DURATION.format(plan.max_hold_s)}; here {DURATION.format(longest)}"
    for stop in order["stop_when"]:
        met = met_when(_probe(stop["probe"]), Tolerance(**stop["tolerance"]), stop["for_s"])
        yield f"  stops when {met}"
    yield f"analysis {plan.analysis['analyzer']}"


def met_when(subject: str, tolerance: Tolerance, for_s: float) -> str:
    """When a stop condition is met, in words: of an experiment, or of a game day."""
    return f"{subject} is not {tolerance} for {DURATION.format(for_s)}"


def _fault(fault: Mapping[str, Any], provider: str) -> str:
    """Its fields; where it may act in several ways, on a line of its own which is tried when."""
    kind = FAULTS[fault["type"]]
    how = mechanisms_in_words(kind(**fault), provider)
    return _written(kind, fault) + (f"\n{how}" if how else "")


def _probe(probe: Mapping[str, Any]) -> str:
    return _written(PROBES[probe["type"]], probe)


def _written(kind: type, values: Mapping[str, Any]) -> str:
    """`network_delay delay 300ms, process web`: a fault or probe with its units, without what it leaves out."""
    hints = get_type_hints(kind, include_extras=True)
    named = sorted(values.items(), key=lambda pair: pair[0] in ("every", "timeout"))
    said = [
        f"{name} {_quantity(hints[name], value)}"
        for name, value in named
        if name != "type" and value not in (None, {}, [])
    ]
    return f"{values['type']} {', '.join(said)}".rstrip()


def _quantity(hint: Any, value: Any) -> str:
    unit = _unit(hint)
    if unit is not None:
        return unit.format(value)
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _unit(hint: Any) -> Unit | None:
    """The unit in `Duration`, or in `Duration | None`."""
    for part in (hint, *getattr(hint, "__args__", ())):
        for note in getattr(part, "__metadata__", ()):
            if isinstance(note, Unit):
                return note
    return None


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:04.1f}"
