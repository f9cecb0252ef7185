"""The delay line: when items go, and in which order."""

from random import Random

import pytest

from chaos.faults.net.delay_line import DelayLine


def test_items_go_after_the_delay_and_not_before() -> None:
    line = DelayLine[str](0.3, 0.0, Random(1))
    line.push(10.0, "flow", "a")
    line.push(10.1, "flow", "b")
    assert line.next_due() == pytest.approx(10.3)
    assert line.due(10.29) == []
    assert line.due(10.31) == ["a"]
    assert line.due(10.5) == ["b"]
    assert line.next_due() is None


@pytest.mark.parametrize("seed", range(20))
def test_jitter_never_reorders_a_flow(seed: int) -> None:
    line = DelayLine[tuple[str, int]](0.1, 0.1, Random(seed))
    for number in range(100):
        for flow in ("one", "two", "three"):
            line.push(number * 0.003, flow, (flow, number))
    went = line.due(float("inf"))
    for flow in ("one", "two", "three"):
        assert [number for name, number in went if name == flow] == list(range(100))


def test_jitter_reorders_between_flows_so_the_median_stays() -> None:
    line = DelayLine[int](0.3, 0.05, Random(7))
    for flow in range(1001):
        line.push(0.0, flow, flow)
    went = line.due(0.3)
    assert abs(len(went) - 500) < 60
    assert went != sorted(went)
    assert line.due(0.2499) == []
    assert len(line.due(0.3501)) + len(went) == 1001


def test_items_due_at_once_go_in_the_order_they_came() -> None:
    line = DelayLine[int](0.0, 0.0, Random(1))
    for number in range(50):
        line.push(1.0, number, number)
    assert line.due(1.0) == list(range(50))


def test_old_flows_are_forgotten_and_waiting_ones_are_not() -> None:
    line = DelayLine[int](1.0, 0.5, Random(3))
    for flow in range(20_001):
        line.push(0.0, flow, flow)
    line.push(1.0, "late", -1)
    for _ in range(20):
        line.push(1.0, "late", -2)
    went = line.due(float("inf"))
    assert len(went) == 20_022
    assert went.index(-1) < went.index(-2)
