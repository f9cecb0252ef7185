"""The delay line: when items go, and in which order."""

from random import Random

import pytest

from chaos.faults.network.delay_line import DelayLine
from chaos.faults.network.spread import SPREADS
from chaos.faults.network.treatment import Delay, inward, treatment
from chaos.faults.support.fidelity import percentile

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


@pytest.mark.parametrize("distribution", ["uniform", "normal", "pareto"])
def test_the_median_is_the_delay_and_the_spread_is_the_jitter(distribution: str) -> None:
    packets = [(0.0, str(flow), flow) for flow in range(20_000)]
    way = Delay(Random(5), 0.3, 0.1, distribution)
    late = [way.treat(at, flow, 100)[0] for at, flow, _ in packets]
    spread = SPREADS[distribution]
    assert percentile(late, 0.5) == pytest.approx(0.3, abs=0.003)
    assert spread.jitter_of(late) == pytest.approx(0.1, rel=0.05)
    assert min(late) >= 0.0
    assert min(late) >= 0.3 - 0.1001 * spread.least
    again = Delay(Random(5), 0.3, 0.1, distribution)
    assert late == [again.treat(at, flow, 100)[0] for at, flow, _ in packets]


@pytest.mark.parametrize("distribution", ["uniform", "normal", "pareto"])
def test_the_stated_errors_are_those_of_many_samples(distribution: str) -> None:
    """Standard errors of the median and of the quartiles' distance, by 2,000 samples of 100 delays each."""
    spread, random = SPREADS[distribution], Random(11)
    drawn = [[spread.draw(random) for _ in range(100)] for _ in range(2000)]
    medians = [percentile(one, 0.5) for one in drawn]
    widths = [spread.jitter_of(one) for one in drawn]
    assert deviation(medians) == pytest.approx(spread.median_error / 10, rel=0.1)
    assert deviation(widths) == pytest.approx(spread.quartiles_error / 10, rel=0.1)


def deviation(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


def test_a_bare_acknowledgement_holds_up_nothing() -> None:
    """One before every answer, as at the beginning of a connection: the answers' median stays the delay."""
    way = Delay(Random(5), 0.3, 0.1)
    late = [
        (way.treat(0.0, str(flow), 52, bare=True)[0], way.treat(0.0, str(flow), 100)[0])
        for flow in range(20_000)
    ]
    for one in zip(*late, strict=True):
        assert percentile(one, 0.5) == pytest.approx(0.3, abs=0.003)


def test_the_seed_alone_tells_what_packets_with_data_draw() -> None:
    with_acknowledgements, without = (Delay(Random(5), 0.3, 0.1) for _ in range(2))
    for flow in map(str, range(100)):
        for _ in range(int(flow) % 3):
            with_acknowledgements.treat(0.0, flow, 52, bare=True)
        assert with_acknowledgements.treat(0.0, flow, 100) == without.treat(0.0, flow, 100)


def test_no_packet_goes_before_it_came() -> None:
    way = Delay(Random(5), 0.01, 0.01, "normal")
    assert min(way.treat(7.0, str(flow), 100)[0] for flow in range(2000)) == 7.0


def test_packets_that_come_in_may_have_an_order_of_their_own() -> None:
    both = {"way": "delay", "delay_s": 0.1, "jitter_s": 0.01, "in": {"way": "delay", "delay_s": 0.2}}
    assert treatment(inward(both), 1).treat(0.0, "flow", 1)[0] == 0.2
    assert 0.09 <= treatment(both, 1).treat(0.0, "flow", 1)[0] <= 0.11
    assert inward({"way": "loss", "share": 1.0}) == {"way": "loss", "share": 1.0}
