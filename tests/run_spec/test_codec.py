"""The one codec of a run specification: what it wrote it reads, anything else it refuses with its place."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.judgement import judge
from chaos.errors import SpecError
from chaos.events import Event
from chaos.manifests.load import load
from chaos.planning.plan import Plan, draw
from chaos.run_spec.codec import decode, encode
from chaos.run_spec.model import RunSpec, WallSpec
from chaos.run_spec.parts import FaultSpec, LoadSpec, ProbeSpec, ProcessSpec, SecretRef

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
MANIFESTS = (
    "hello.yaml",
    "catalogue/orders-kept.yaml",
    "shop/process-kill-trials.yaml",
    "shop/network-delay.yaml",
)


@pytest.fixture(scope="module", params=MANIFESTS)
def drawn(request: pytest.FixtureRequest) -> Plan:
    return draw(load(EXPERIMENTS / request.param)[0])[0]


def test_what_is_written_is_read_again(drawn: Plan) -> None:
    order = json.loads(json.dumps(drawn.order("r1")))
    assert encode(RunSpec.from_json(order)) == order
    assert RunSpec.of_journal(order) == RunSpec.from_json(order)
    assert Plan.from_json(drawn.to_json()) == drawn


def test_every_fault_and_probe_comes_out_as_it_went_in(drawn: Plan) -> None:
    for step in RunSpec.from_json(drawn.order()).method:
        assert FaultSpec.told(step.fault.made()) == step.fault
    for state in drawn.told().steady_state:
        assert ProbeSpec.told(state.probe.made()) == state.probe


def _places(data: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in JSON, but for what is a fault's or a probe's own, and names that an author chose."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key not in ("fault", "probe", "ready", "env", "headers", "labels", "tolerance"):
                yield (*where, key)
                yield from _places(value, (*where, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _places(value, (*where, number))


class _Odd:
    """No JSON at all: fits nothing."""


def test_each_field_of_another_type_is_refused_with_its_place(drawn: Plan) -> None:
    order = json.loads(json.dumps(drawn.order()))
    places = list(_places(order))
    assert len(places) > 60
    for *way, last in places:
        broken = json.loads(json.dumps(order))
        inside = broken
        for part in way:
            inside = inside[part]
        inside[last] = _Odd()
        with pytest.raises(SpecError) as refused:
            RunSpec.from_json(broken)
        said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in (*way, last))
        assert str(refused.value).startswith(said.removeprefix(".")), (said, refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nonsense": 1}, "nonsense: not known; known: analysis, app,"),
        ({"seed": True}, "seed: is true or false, not a whole number"),
        ({"baseline_s": "1s"}, "baseline_s: is a text, not a number"),
        ({"processes": {}}, "processes: is a mapping, not a list"),
        ({"processes": [{"name": "web"}]}, "processes[0].command: lacks a value"),
        ({"load": []}, "load: is a list, not a mapping or null"),
        ({"labels": {"team": 7}}, "labels.team: is a number, not a text"),
        ({"series": {"trials": 1, "control": False, "until": "bored"}}, "series.until: is a text, not decided or null"),
        ({"stop_when": [None]}, "stop_when[0]: is null, not a mapping"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_said_with_what_is_allowed(change: dict[str, Any], said: str) -> None:
    order = draw(load(EXPERIMENTS / "hello.yaml")[0])[0].order()
    with pytest.raises(SpecError) as refused:
        RunSpec.from_json({**order, **change})
    assert str(refused.value).startswith(said)


def test_no_field_may_be_missing_but_those_that_are_written_only_when_they_differ(drawn: Plan) -> None:
    order = drawn.order()
    for key in order:
        rest = {name: value for name, value in order.items() if name != key}
        if key in ("warmup_s", "user"):
            assert RunSpec.from_json(rest)
        else:
            with pytest.raises(SpecError, match=f"{key}: lacks a value"):
                RunSpec.from_json(rest)


def test_a_journal_of_another_version_is_read_as_far_as_it_goes() -> None:
    old = {
        "method": [{"name": "a", "fault": {"type": "of tomorrow", "x": 1}, "by": "magic"}],
        "load": {"url": "u"},
    }
    plan = RunSpec.of_journal(old)
    assert (plan.method[0].fault.fields, plan.load) == ({"x": 1}, LoadSpec(url="u"))
    assert (plan.declared_s, plan.rules, plan.trial) == (None, 1, 1)
    with pytest.raises(SpecError, match=r"^plan\.method: is a text, not a list"):
        RunSpec.of_journal({"method": "nothing"})


def test_a_tolerance_that_is_not_wholly_known_is_none_rather_than_half_of_one() -> None:
    """Half of it would accept more than was asked for."""
    state = {
        "name": "s",
        "probe": {"type": "tcp", "port": 1},
        "tolerance": {"connected": True, "soonest": 1.0},
    }
    (read,) = RunSpec.of_journal({"steady_state": [state]}).steady_state
    assert read.tolerance is None
    with pytest.raises(SpecError, match="another version"):
        _ = read.accepted


def test_what_is_only_named_is_told_from_what_is_there() -> None:
    process = decode(ProcessSpec, {"env": {"A": "1", "B": {"secret": "NAME"}}}, strict=False)
    assert process.env == {"A": "1", "B": SecretRef(secret="NAME")}
    assert process.values == {"A": "1"}
    assert encode(process)["env"] == {"A": "1", "B": {"secret": "NAME"}}


def test_what_is_not_said_has_no_key() -> None:
    assert "wall" not in encode(RunSpec())
    assert encode(RunSpec(wall=WallSpec()))["wall"] == {"keep_ids": False, "image": None, "may_lack": False}
    assert encode(LoadSpec()).keys() & {"arrivals", "connection_use"} == set()


def test_an_unknown_kind_of_probe_is_an_error_of_ours() -> None:
    for probe in (ProbeSpec(type="of_tomorrow"), ProbeSpec(type="tcp", fields={"nonsense": 1})):
        with pytest.raises(SpecError):
            probe.made()


def test_a_journal_with_noughts_where_none_can_be_is_judged() -> None:
    """Whoever wrote that, it is no division by zero of ours."""
    probe = {"type": "metric", "metric": "error_rate", "every": 0}
    plan = {
        "sample_hz": 0,
        "load": {"url": "http://127.0.0.1/", "rate_per_s": 0, "timeout_s": 0},
        "steady_state": [{"name": "s", "probe": probe, "tolerance": {"max": 0.1}}],
        "series": {"trials": 0, "control": False},
    }
    begun = Event("run.started", 1.0, {"plan": plan}, "host")
    phases = [
        Event(f"phase.{what}", at, {"phase": "baseline"}) for what, at in (("started", 2.0), ("ended", 3.0))
    ]
    assert judge([begun, *phases]).outcome == "crashed"
