"""The delay line: when items go, and in which order."""

from random import Random

import pytest

from chaos.faults.net.delay_line import DelayLine
from chaos.faults.net.treatment import Delay

Told = tuple[float, str, int]
"""When a packet came, its flow, its number."""


def carried(delay: Delay, packets: list[Told]) -> DelayLine[tuple[str, int]]:
    line = DelayLine[tuple[str, int]]()
    for at, flow, number in packets:
        line.push(delay.treat(at, flow, 100)[0], (flow, number))
    return line


def test_items_go_after_the_delay_and_not_before() -> None:
    line = carried(Delay(Random(1), 0.3), [(10.0, "flow", 1), (10.1, "flow", 2)])
    assert len(line) == 2
    assert line.next_due() == pytest.approx(10.3)
    assert line.due(10.29) == []
    assert line.due(10.31) == [("flow", 1)]
    assert line.due(10.5) == [("flow", 2)]
    assert line.next_due() is None


@pytest.mark.parametrize("seed", range(20))
def test_jitter_never_reorders_a_flow(seed: int) -> None:
    packets = [(number * 0.003, flow, number) for number in range(100) for flow in ("one", "two", "three")]
    went = carried(Delay(Random(seed), 0.1, 0.1), packets).due(float("inf"))
    for flow in ("one", "two", "three"):
        assert [number for name, number in went if name == flow] == list(range(100))


def test_jitter_reorders_between_flows_so_the_median_stays() -> None:
    line = carried(Delay(Random(7), 0.3, 0.05), [(0.0, str(flow), flow) for flow in range(1001)])
    went = line.due(0.3)
    assert abs(len(went) - 500) < 60
    assert [number for _, number in went] != sorted(number for _, number in went)
    assert line.due(0.2499) == []
    assert len(line.due(0.3501)) + len(went) == 1001


def test_items_due_at_once_go_in_the_order_they_came() -> None:
    line = carried(Delay(Random(1), 0.0), [(1.0, str(number), number) for number in range(50)])
    assert [number for _, number in line.due(1.0)] == list(range(50))


def test_old_flows_are_forgotten_and_waiting_ones_are_not() -> None:
    packets = [(0.0, str(flow), flow) for flow in range(20_001)]
    packets += [(1.0, "late", -1), *((1.0, "late", -2) for _ in range(20))]
    went = [number for _, number in carried(Delay(Random(3), 1.0, 0.5), packets).due(float("inf"))]
    assert len(went) == 20_022
    assert went.index(-1) < went.index(-2)
