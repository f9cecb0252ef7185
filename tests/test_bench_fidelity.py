"""The table of asked and delivered: when a fault was felt, and what a cell says. The runs are the bench's own."""

import pytest

from bench.fidelity import error_of, felt, fields_of, lines, manifest_of, number, short
from chaos.events import Event
from chaos.faults import FAULTS
from chaos.plan import draw


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
    assert len(fields_of(fault)) == 2
    for fields in fields_of(fault):
        _, refusals = draw(short(path, fields))
        assert refusals == []


def test_without_a_row_there_is_still_a_page() -> None:
    assert "0 of 0 landed; 0 things were left behind." in "\n".join(lines([], 1.0))
