"""An app that stands still for less than its probe's timeout: no look is bad, and yet it was not back at once."""

from math import exp
from random import Random

import pytest

from bench.made_up import Bad, Phases, Run, looked_at
from chaos.analysis import judge
from chaos.analysis.result import SteadyStateResult
from chaos.verdict import Verdict

PHASES = Phases(2.0, 1.0, 6.0)
SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])


def never(_: float) -> bool:
    return False


def hung(
    lasts_s: float, seed: int, limit_s: float | None, bad: Bad = never, budget: float = 0.0
) -> SteadyStateResult:
    """Killed at the beginning of its phase, it answers nothing for so long, and then everything that waited."""
    since = PHASES.baseline + 0.003
    back = since + lasts_s * (0.9 + 0.1 * Random(seed).random())

    def took_s(at: float) -> float:
        return back - at + 0.002 if since <= at < back else 0.002

    state = looked_at(holds="afterwards", recover_within_s=limit_s, budget=budget)
    result = judge(Run([state], {"answers": bad}, PHASES, kill=True, took_s=took_s).events())
    return result.steady_state[0]


@SEEDS
@pytest.mark.parametrize("lasts_s", [0.2, 0.5, 0.9])
def test_a_hang_is_no_recovery_at_once(seed: int, lasts_s: float) -> None:
    said = hung(lasts_s, seed, 4.0)
    assert said.recovery_time_seconds is not None
    assert said.resolution_seconds is not None
    assert 0.85 * lasts_s <= said.recovery_time_seconds <= lasts_s + 0.02
    assert said.recovery_time_seconds - said.resolution_seconds <= 1e-3  # it may have been back at once, too
    assert said.verdict is Verdict.HELD


@SEEDS
@pytest.mark.parametrize("budget", [0.0, 0.1])
def test_an_answer_after_the_limit_is_no_evidence_of_being_back(seed: int, budget: float) -> None:
    said = hung(0.9, seed, 0.5, budget=budget)
    assert said.verdict is Verdict.INCONCLUSIVE
    assert "too coarse for a limit of 500 ms" in said.why


@SEEDS
def test_nor_is_one_beside_a_blip_that_goes_with_the_budget(seed: int) -> None:
    said = hung(0.9, seed, 0.5, bad=lambda at: 5.0 <= at < 5.05, budget=0.1)
    assert said.verdict is Verdict.INCONCLUSIVE, said.why
    assert said.recovery_time_seconds is not None
    assert said.recovery_time_seconds > 0.7


@SEEDS
def test_bad_first_and_then_late_counts_until_the_answer(seed: int) -> None:
    """Refused for a moment, then hanging: the first good answer came late."""
    said = hung(0.9, seed, 4.0, bad=lambda at: 2.0 <= at < 2.15)
    assert said.recovery_time_seconds is not None
    assert 0.7 < said.recovery_time_seconds < 1.0


@SEEDS
def test_a_hang_excuses_no_relapses(seed: int) -> None:
    said = hung(0.9, seed, 0.5, bad=lambda at: at > 4.0 and at % 1.5 < 0.45)
    assert said.verdict is Verdict.DEVIATED
    assert "relapsed" in said.why


@SEEDS
def test_an_app_that_is_now_and_then_slow_was_back_at_once(seed: int) -> None:
    """Answers with a long tail: whoever came later was answered before, so nothing stood still."""
    dice, later = Random(seed), 0
    for _ in range(30):
        state = looked_at(holds="afterwards", recover_within_s=2.0)
        run = Run([state], {}, PHASES, kill=True, took_s=lambda _: 0.03 * exp(dice.gauss(0, 1)))
        later += judge(run.events()).steady_state[0].recovery_time_seconds != 0
    assert later <= 1
