"""The resilience score: by its formula, and what lacks proof never raises it."""

from hypothesis import given
from hypothesis import strategies as st

from chaos.game_days.day import Day, Ran, StageRecord
from chaos.game_days.score import Score, score
from chaos.verdict import Verdict
from tests.game_days.a_day import START, day, ran, result, results, run_id

LEARNT = st.sampled_from([Verdict.HELD, Verdict.DEVIATED, Verdict.INCONCLUSIVE, None])
PLANNED = st.lists(st.tuples(LEARNT, st.floats(0.1, 1000)), min_size=1, max_size=12)


def scored(planned: list[tuple[Verdict | None, float]]) -> Score:
    """Of a day of runs without results, which keep nothing when they deviated."""
    runs = tuple(ran(f"e{number}", verdict, number, 1) for number, (verdict, _) in enumerate(planned))
    weights = {f"e{number}": weight for number, (_, weight) in enumerate(planned)}
    return score(
        day(stages=(StageRecord(name="all", started_at=START, ran=runs),), not_run=(), weights=weights), {}
    )


def test_is_the_formula() -> None:
    found = score(day(), results())
    # network 1·1, memory 1·1, disk 2·(½ · 1 of 2 steady states), kill 0, dns 0, cpu never begun 0
    assert found.value == int(100 * (1 + 1 + 2 * 0.25) / 7)
    assert found.coverage == 4 / 7
    assert found.at_most == int(100 * (2.5 + 3) / 7)


def test_a_follow_up_does_not_count() -> None:
    assert [each.experiment for each in score(day(), results()).counted] == [
        "network",
        "memory",
        "disk",
        "kill",
        "dns",
        "cpu",
    ]


def test_what_deviated_never_counts_more_than_half() -> None:
    made = result("disk", Verdict.DEVIATED, 0)
    good = [state.model_copy(update={"verdict": Verdict.HELD}) for state in made.steady_state]
    many = made.model_copy(update={"steady_state": good * 50})
    runs = (ran("disk", Verdict.DEVIATED, 0, 1),)
    only = day(stages=(StageRecord(name="all", started_at=START, ran=runs),), not_run=())
    assert score(only, {run_id("disk"): many}).value == 50


def test_nothing_planned_proves_nothing() -> None:
    empty = score(day(stages=(), not_run=()), {})
    assert (empty.value, empty.at_most, empty.coverage) == (0, 100, 0.0)


@given(PLANNED)
def test_a_hundred_is_only_everything_held(planned: list[tuple[Verdict | None, float]]) -> None:
    found = scored(planned)
    assert 0 <= found.value <= found.at_most <= 100
    assert (found.value == 100) == all(verdict is Verdict.HELD for verdict, _ in planned)


@given(PLANNED, st.data())
def test_a_proof_that_is_lost_never_raises_it(
    planned: list[tuple[Verdict | None, float]], data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, len(planned) - 1))
    less = [(None if number == lost else verdict, weight) for number, (verdict, weight) in enumerate(planned)]
    before, after = scored(planned), scored(less)
    assert after.value <= before.value
    assert after.coverage <= before.coverage
    assert after.at_most >= before.at_most


@given(PLANNED, st.sampled_from([0.1, 3.0, 7.0]))
def test_only_the_proportion_of_weights_counts(
    planned: list[tuple[Verdict | None, float]], times: float
) -> None:
    scaled = scored([(verdict, weight * times) for verdict, weight in planned])
    assert abs(scaled.value - scored(planned).value) <= 1  # a whole number may lie on either side of rounding


def test_a_day_says_what_it_counts() -> None:
    one = Day(
        run_id="d", name="d", purpose="", digest="", started_at=START, not_run=("a",), weights={"a": 3.0}
    )
    (counted,) = score(one, {}).counted
    assert (counted.weight, counted.proven, counted.kept) == (3.0, False, 0.0)


def test_a_run_that_left_no_result_keeps_nothing_when_it_deviated() -> None:
    runs = (Ran(experiment="x", verdict=Verdict.DEVIATED, started_at=START),)
    only = day(stages=(StageRecord(name="all", started_at=START, ran=runs),), not_run=())
    found = score(only, {})
    assert (found.value, found.coverage) == (0, 1.0)
