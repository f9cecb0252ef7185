"""What each treatment decides, by its own arithmetic."""

import math
from itertools import groupby, pairwise
from random import Random

import pytest

from chaos.faults.network.treatment import BitFlip, Fate, Link, Loss, Overtaken, Twice, into_bad, treatment

COUNT = 50_000


def fates(way: Loss | Twice | BitFlip | Overtaken) -> list[Fate]:
    return [way.treat(float(number), "flow", 100)[1] for number in range(COUNT)]


def near(hits: int, count: int, share: float) -> bool:
    """Within four standard errors."""
    return abs(hits - count * share) <= 4 * math.sqrt(count * share * (1 - share))


@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
def test_single_losses_are_independent(share: float) -> None:
    lost = [fate is Fate.DROP for fate in fates(Loss(Random(5), share))]
    both = sum(1 for one, two in pairwise(lost) if one and two)
    assert near(sum(lost), COUNT, share)
    assert near(both, sum(lost), share)


@pytest.mark.parametrize(("share", "burst"), [(0.05, 1.0), (0.05, 4.0), (0.3, 8.0)])
def test_losses_in_a_row_are_as_long_as_asked(share: float, burst: float) -> None:
    lost = [fate is Fate.DROP for fate in fates(Loss(Random(5), share, burst))]
    runs = [len(list(run)) for gone, run in groupby(lost) if gone]
    assert sum(runs) / len(runs) == pytest.approx(burst, rel=0.1)
    assert sum(lost) / COUNT == pytest.approx(share, rel=0.1)
    assert into_bad(share, burst) <= 1


def test_all_lost_is_all_lost() -> None:
    assert set(fates(Loss(Random(5), 1.0, 4.0))) == {Fate.DROP}


def test_the_same_seed_decides_the_same() -> None:
    order = {"way": "loss", "share": 0.3, "burst": 2.0}
    one, two, other = (treatment(order, seed) for seed in (1, 1, 2))
    decided = [[way.treat(0.0, "flow", 1)[1] for _ in range(100)] for way in (one, two, other)]
    assert decided[0] == decided[1] != decided[2]


def test_a_link_takes_each_byte_its_time() -> None:
    link = Link(Random(1), rate=1000.0, queue_s=1.0)
    assert [link.treat(10.0, "flow", 500) for _ in range(2)] == [(10.5, Fate.PASS), (11.0, Fate.PASS)]
    assert link.treat(20.0, "flow", 100)[0] == pytest.approx(20.1)


def test_a_link_drops_what_finds_too_long_a_queue_and_an_idle_one_takes_any_packet() -> None:
    link = Link(Random(1), rate=1000.0, queue_s=1.0)
    assert link.treat(0.0, "flow", 5000) == (5.0, Fate.PASS)
    assert link.treat(3.9, "flow", 1) == (3.9, Fate.DROP)
    assert link.treat(4.0, "flow", 1000) == (6.0, Fate.PASS)


def test_a_burst_goes_at_once_after_silence() -> None:
    link = Link(Random(1), rate=1000.0, queue_s=5.0, burst_bytes=300.0)
    assert [link.treat(0.0, "flow", 100)[0] for _ in range(4)] == pytest.approx([0.0, 0.0, 0.0, 0.1])
    assert link.treat(10.0, "flow", 300)[0] == 10.0


@pytest.mark.parametrize("kind", [Twice, BitFlip])
def test_a_share_is_chosen(kind: type[Twice | BitFlip]) -> None:
    chosen = sum(fate is not Fate.PASS for fate in fates(kind(Random(5), 0.1)))
    assert near(chosen, COUNT, 0.1)


def test_who_is_overtaken_waits_and_nobody_else() -> None:
    way = Overtaken(Random(5), 0.5, 0.02)
    assert {way.treat(1.0, "flow", 1) for _ in range(100)} == {(1.02, Fate.LATE), (1.0, Fate.PASS)}
