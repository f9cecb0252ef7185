"""The table of asked and delivered: when a fault was felt, and what a cell says. The runs are the bench's own."""

from dataclasses import replace
from typing import Any

import pytest

from bench.bounds import missed, promised
from bench.fidelity import error_of, lines, number
from bench.fidelity_runs import Row, felt, fields_of, manifest_of, short
from chaos.analysis.result import StepResult
from chaos.events import Event
from chaos.faults import FAULTS
from chaos.planning.plan import draw


def journal(*hits: int, every_s: float = 0.02) -> list[Event]:
    """A hundred requests from 0 s on, the fault phase at 1 s; those of `hits` take half a second."""
    sent = [
        Event(
            "load.sampled",
            n * every_s,
            {"took_ms": 500.0 if n in hits else 4.0, "error": None, "status": 200},
        )
        for n in range(100)
    ]
    return [Event("phase.started", 1.0, {"phase": "fault"}), *sent]


def test_a_fault_is_felt_from_the_first_to_the_last_of_a_row() -> None:
    begins, ends = felt(journal(*range(55, 80)))
    assert begins == pytest.approx(55 * 0.02)
    assert ends == pytest.approx(80 * 0.02)


@pytest.mark.parametrize("hits", [(), (60,), (60, 62, 64), (70, 71)])
def test_a_single_slow_request_is_nobodys(hits: tuple[int, ...]) -> None:
    assert felt(journal(*hits)) == (None, None)


def test_what_was_felt_to_the_end_has_no_end() -> None:
    begins, ends = felt(journal(*range(90, 100)))
    assert begins is not None
    assert ends is None


def test_numbers_say_what_matters() -> None:
    assert [number(value) for value in (1048576.0, 300.216, "refuse", None)] == [
        "1,048,576",
        "300.2",
        "refuse",
        "–",
    ]
    assert error_of(300.0, 301.5) == "+1.5 (+0.50%)"
    assert error_of(0.0, 0.0) == "+0"
    assert error_of("refuse", "hang") == "other"


@pytest.mark.parametrize("fault", list(FAULTS))
def test_every_fault_has_two_runs_that_can_be_carried_out(fault: str) -> None:
    path = manifest_of(fault)
    assert path is not None, "some manifest shows it, and nothing else"
    assert len(fields_of(fault)) >= 2
    for fields in fields_of(fault):
        _, refusals = draw(short(path, fields))
        assert refusals == []


def row(
    fault: str,
    asked: float,
    given: float,
    *,
    figure: str = "figure",
    samples: float = 30,
    held_s: float = 3.0,
    **more: Any,
) -> Row:
    """A row of a fault that asked for `asked` and had `given`."""
    step = StepResult(
        name="step", fault=fault, mechanism="m", kind="real", landed=True, why="", asked={figure: asked},
        delivered={figure: given, "low": None, "high": None, "samples": samples}, injected_at="", recovered_at="",
        hold_s=3.0, held_s=held_s, recovered_because="held", residue=[], notes={},
    )  # fmt: skip
    return Row(fault, {}, step.model_copy(update=more), resolution_ms=10)


@pytest.mark.parametrize(
    ("fault", "asked", "kept", "not_kept"),
    [
        ("network_delay", 5.0, 5.9, 6.1),
        ("network_delay", 2000.0, 2019.0, 2021.0),
        ("bandwidth", 1e6, 0.96e6, 0.94e6),
        ("memory_pressure", 80.0, 80.7, 81.0),
        ("disk_full", 16384.0, 16384.0, 16600.0),
        ("cpu_throttle", 20.0, 22.9, 23.1),
    ],
)
def test_a_row_keeps_its_bound_or_says_what_it_misses(
    fault: str, asked: float, kept: float, not_kept: float
) -> None:
    assert missed(row(fault, asked, kept)) == []
    assert missed(row(fault, asked, not_kept)) == [promised(row(fault, asked, not_kept))]


def test_any_share_fits_what_was_asked() -> None:
    assert missed(row("connection_reset", 0.1, 0.2, figure="reset_share")) == []
    assert missed(row("connection_reset", 0.1, 0.9, figure="reset_share")) == ["inside its binomial interval"]


def test_loss_needs_its_packets() -> None:
    assert missed(row("packet_loss", 0.01, 0.0105, samples=10_000)) == []
    assert missed(row("packet_loss", 0.01, 0.01, samples=9_999))
    assert missed(row("packet_loss", 0.01, 0.02, samples=10_000))


def test_what_a_burner_waited_for_is_the_machines_doing() -> None:
    waited = {"delivered": {"figure": 90.0, "waited_percent": 8.0, "samples": 12}}
    assert missed(row("cpu_stress", 100, 90, **waited)) == []
    assert missed(row("cpu_stress", 100, 90)) == ["± 3 points, with what it waited for"]


def test_every_row_must_land_in_time_and_leave_nothing() -> None:
    assert missed(row("process_kill", 1, 1, landed=False)) == ["not landed"]
    assert missed(row("process_kill", 1, 1, held_s=3.021)) == ["held +21 ms"]
    assert missed(row("process_kill", 1, 1, residue=["a mount"])) == ["left a mount"]
    assert missed(replace(row("process_kill", 1, 1), resolution_ms=25)) == ["recovery known to 25 ms"]
    assert missed(Row("process_kill", {}, None, "why")) == ["not injected"]


def test_without_a_row_there_is_still_a_page() -> None:
    assert "0 of 0 landed; 0 of 0 keep their bounds; 0 things were left behind." in "\n".join(lines([], 1.0))
