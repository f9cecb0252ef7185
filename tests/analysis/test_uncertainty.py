"""Verdicts of runs whose truth is known: the inputs that were once judged wrong, each at three seeds."""

from collections import Counter
from random import Random

import pytest

from bench.made_up import Phases, Run, error_rate, every_so_often, in_bursts, independent, looked_at
from chaos.analysis import judge
from chaos.analysis.result import Result
from chaos.verdict import Outcome, Verdict

SEEDS = pytest.mark.parametrize("seed", [1, 2, 3])
DEFAULT = Phases(10.0, 3.0, 30.0)
SHORT = Phases(2.0, 4.0, 3.0)
ROUNDS, FEW = 40, 5
"""Of so many, more than so few are met with 1.4 % when 5 % are promised; the bench has more."""


def jittered(seed: int) -> float:
    """A hold that is not the same at every seed."""
    return 3.0 + Random(seed).random() / 10


@SEEDS
def test_an_app_that_fails_completely_under_the_fault_is_not_diluted_by_long_phases(seed: int) -> None:
    phases = Phases(10.0, jittered(seed), 30.0)
    states = [looked_at(budget=0.1)]
    result = judge(Run(states, {"answers": lambda at: phases.of(at) == "fault"}, phases).events())
    assert result.verdict is Verdict.DEVIATED
    assert "30 of 30 samples (100 %)" in result.why or "31 of 31 samples (100 %)" in result.why
    assert "in the fault phase, 10 % allowed" in result.why


@SEEDS
@pytest.mark.parametrize("under", [0.3, 0.5])
def test_a_share_far_beyond_the_budget_is_never_held(seed: int, under: float) -> None:
    random = Random(seed)
    for _ in range(10):
        run = Run([looked_at(budget=0.1)], {"answers": independent(random, 0.0, under, DEFAULT)}, DEFAULT)
        assert judge(run.events()).verdict is not Verdict.HELD


@SEEDS
@pytest.mark.parametrize("period_s", [2.0, 3.0, 5.0])
def test_an_app_that_flaps_for_ever_is_not_back(seed: int, period_s: float) -> None:
    phases, random = Phases(2.0, 2.0, 22.0), Random(seed)
    since = phases.baseline + random.random() / 10
    flaps = every_so_often(period_s, 0.3, since)
    states = [looked_at(holds="afterwards", recover_within_s=22.0)]
    run = Run(states, {"answers": lambda at: since <= at < since + 0.2 or flaps(at)}, phases, kill=True)
    result = judge(run.events())
    assert result.verdict is Verdict.DEVIATED, result.why
    assert "relapsed" in result.why
    [state] = result.steady_state
    assert state.recovery_time_seconds is not None
    assert state.recovery_time_seconds < 0.5
    assert state.relapses == pytest.approx(24 / period_s, abs=2)


@pytest.mark.parametrize(("at", "verdict"), [(1.6, "held"), (2.6, "inconclusive")])
def test_a_hiccup_before_the_limit_is_settling_and_after_it_nobody_knows(at: float, verdict: str) -> None:
    phases = Phases(2.0, 1.0, 5.0)
    states = [looked_at(every=0.05, holds="afterwards", recover_within_s=2.0)]

    def bad(moment: float) -> bool:
        return 2.0 <= moment < 2.3 or 2.0 + at <= moment < 2.02 + at

    result = judge(Run(states, {"answers": bad}, phases, kill=True).events())
    assert result.verdict == verdict, result.why


@SEEDS
@pytest.mark.parametrize("recovery_s", [4.0, 10.0, 30.0])
def test_the_recovery_time_does_not_grow_with_rare_blips(seed: int, recovery_s: float) -> None:
    """Down for 0.5 s, then bad in 0.5 % of all looks, as before the fault."""
    phases, random = Phases(2.0, 2.0, recovery_s), Random(seed)
    back = phases.baseline + phases.fault + 0.5
    states = [looked_at(holds="afterwards", recover_within_s=2.0)]
    seen: Counter[Verdict] = Counter()
    for _ in range(ROUNDS // 2):
        blip = independent(random, 0.005)
        run = Run(states, {"answers": lambda at, blip=blip: phases.baseline <= at < back or blip(at)}, phases)
        result = judge(run.events())
        if result.outcome is Outcome.COMPLETED:
            seen[result.verdict] += 1
            assert "good again only" not in result.why
    assert seen[Verdict.DEVIATED] <= 0.35 * seen.total()


@SEEDS
@pytest.mark.parametrize(("rate", "every"), [(0.005, 0.05), (0.005, 0.1), (0.01, 0.1)])
def test_an_app_within_its_budget_is_neither_refused_nor_deviated(
    seed: int, rate: float, every: float
) -> None:
    random, ended = Random(seed), Counter[str]()
    for _ in range(ROUNDS):
        states = [looked_at(every=every, budget=0.01)]
        ended[_end(judge(Run(states, {"answers": independent(random, rate)}, SHORT).events()))] += 1
    assert ended["not_injected"] <= FEW
    assert ended["deviated"] <= FEW
    assert ended["held"] == 0 or every == 0.05


@SEEDS
def test_hiccups_of_a_machine_are_no_deviation(seed: int) -> None:
    random, ended = Random(seed), Counter[str]()
    for _ in range(ROUNDS):
        bad = in_bursts(random, 0.01, 0.25, SHORT.end)
        states = [looked_at(every=0.05, budget=0.02)]
        ended[_end(judge(Run(states, {"answers": bad}, SHORT).events()))] += 1
    assert ended["deviated"] <= FEW, ended
    assert ended["not_injected"] <= FEW, ended


@SEEDS
def test_twice_the_budget_is_not_held(seed: int) -> None:
    random, ended = Random(seed), Counter[str]()
    for _ in range(ROUNDS):
        bad = independent(random, 0.02)
        ended[_end(judge(Run([looked_at(every=0.05, budget=0.01)], {"answers": bad}, SHORT).events()))] += 1
    assert ended["held"] <= FEW, ended


@SEEDS
def test_an_error_rate_is_judged_by_requests_and_not_by_windows(seed: int) -> None:
    """App that fails 0.5 % by itself, `max: 1%`, 20 requests a second: one of them made two bad windows of 18."""
    random, ended = Random(seed), Counter[str]()
    for _ in range(ROUNDS):
        run = Run([error_rate(0.01)], {}, SHORT, 20.0, independent(random, 0.005))
        ended[_end(judge(run.events()))] += 1
    assert ended["deviated"] <= FEW, ended
    assert ended["not_injected"] <= FEW, ended


def test_states_of_one_run_share_what_may_go_wrong() -> None:
    random, ended = Random(7), Counter[str]()
    for _ in range(ROUNDS // 2):
        states = [looked_at(f"s{number}", every=0.05, budget=0.02) for number in range(5)]
        bad = {f"s{number}": independent(random, 0.02) for number in range(5)}
        ended[_end(judge(Run(states, bad, SHORT).events()))] += 1
    assert ended["deviated"] <= FEW, ended


def test_what_fails_as_often_before_is_not_the_faults() -> None:
    """10 % by itself, where 5 % are allowed: no evidence of anything that the fault did."""
    random, ended = Random(3), Counter[str]()
    for _ in range(ROUNDS):
        states = [looked_at(every=0.05, budget=0.05)]
        ended[_end(judge(Run(states, {"answers": independent(random, 0.1)}, SHORT).events()))] += 1
    assert ended["held"] == 0
    assert ended["deviated"] <= FEW, ended


@SEEDS
@pytest.mark.parametrize(("allowed", "truth"), [(0.05, 0.1), (0.1, 0.15)])
def test_what_it_does_anyway_is_no_relapse(seed: int, allowed: float, truth: float) -> None:
    """More than allowed, before the fault as after it: nothing that the fault did."""
    phases, random, ended = Phases(2.0, 4.0, 10.0), Random(seed), Counter[str]()
    states = [looked_at(every=0.05, budget=allowed, holds="afterwards", recover_within_s=5.0)]
    for _ in range(ROUNDS):
        ended[_end(judge(Run(states, {"answers": independent(random, truth)}, phases).events()))] += 1
    assert ended["deviated"] <= FEW, ended
    assert ended["held"] <= FEW, ended


@SEEDS
def test_hiccups_as_before_are_not_the_faults(seed: int) -> None:
    """Twice of what is allowed, in hiccups: as many independent ones are compared with the baseline."""
    phases, random, ended = Phases(10.0, 10.0, 10.0), Random(seed), Counter[str]()
    for _ in range(ROUNDS // 2):
        bad = in_bursts(random, 0.1, 0.1, phases.end)
        ended[_end(judge(Run([looked_at(every=0.05, budget=0.05)], {"answers": bad}, phases).events()))] += 1
    assert ended["deviated"] <= FEW - 2, ended


@pytest.mark.parametrize("limit_s", [None, 2.0, 22.0])
def test_whatever_the_limit_no_relapse_is_held(limit_s: float | None) -> None:
    phases = Phases(2.0, 2.0, 22.0)
    states = [looked_at(holds="afterwards", recover_within_s=limit_s)]
    run = Run(states, {"answers": every_so_often(5.0, 0.3, phases.baseline)}, phases, kill=True)
    assert judge(run.events()).verdict is Verdict.DEVIATED


def test_held_says_what_it_would_have_noticed() -> None:
    result = judge(Run([looked_at(every=0.1)], {}, Phases(3.0, 5.0, 3.0)).events())
    assert result.verdict is Verdict.HELD
    assert "5.8 % bad or more under the fault would have been noticed (95 %)" in result.steady_state[0].why
    assert result.steady_state[0].noticed_share == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-3)


def test_a_significance_of_its_own_is_the_runs() -> None:
    bad = {2.5, 3.0, 3.5, 4.0, 4.5}
    run = Run(
        [looked_at(every=0.05, budget=0.02)],
        {"answers": lambda at: round(at, 6) in bad},
        SHORT,
    )
    assert judge(run.events()).verdict is Verdict.DEVIATED  # by chance with 2.3 %
    run.significance = 0.01
    result = judge(run.events())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.significance == 0.01


@SEEDS
def test_a_fault_that_was_lost_half_way_proves_nothing(seed: int) -> None:
    lost = 19 - Random(seed).randrange(4)
    samples = [{"delay_ms": 300.2, "target_packets": 50}] * 21 + [
        {"delay_ms": 0.1, "target_packets": 50}
    ] * lost
    result = judge(Run([looked_at(every=0.05)], {}, SHORT, samples=samples).events())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "roughly as asked" in result.why


@SEEDS
def test_a_loss_that_hardly_anybody_could_meet_proves_nothing(seed: int) -> None:
    """1 % of the packets for 3 s, and the target sends 24 of them: four of five times it meets none."""
    random, phases, ended = Random(seed), Phases(2.0, 3.0, 2.0), Counter[str]()
    for _ in range(ROUNDS // 2):
        sent = lost = theirs = 0
        samples = []
        for _ in range(15):
            sent, lost = sent + 200, lost + sum(random.random() < 0.01 for _ in range(200))
            theirs += random.random() < 0.01 * 24 / 15
            met = {"target_packets": 24, "target_treated": theirs}
            samples.append({"sent": sent, "lost": lost, **met})
        fault = {"type": "packet_loss", "loss": 0.01}
        result = judge(Run([looked_at(every=0.5)], {}, phases, fault=fault, samples=samples).events())
        ended[_end(result)] += 1
        assert "too little traffic met it, 299 packets are needed" in result.why
    assert set(ended) == {"inconclusive"}


def _end(result: Result) -> str:
    return "not_injected" if result.outcome is Outcome.NOT_INJECTED else str(result.verdict)
