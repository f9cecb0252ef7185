"""A process in a restart loop when the run ends forbids `held`; one that came back does not."""

from typing import Any

import pytest

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.explain.rules import analyze
from chaos.verdict import Verdict
from tests.journals.telling import COMES_BACK, KILL, Telling

LOOPING = [2.4, 3.0, 4.2, 6.5, 9.8]


def told(**how: Any) -> Result:
    """Every look is good, whoever answered."""
    return judge(Telling(**{"states": [COMES_BACK], "step": KILL, "slow": {}, **how}).events())


def test_good_looks_beside_a_restart_loop_prove_nothing() -> None:
    result = told(restarts=LOOPING)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "Process “web” was in a restart loop when the run ended: it ended 5 times by itself" in result.why
    assert "last with exit code 1, and it had been up for " in result.why
    assert any("restart loop" in finding.why for finding in result.findings)


def test_it_is_down_between_two_tries() -> None:
    events = Telling(states=[COMES_BACK], step=KILL, slow={}, restarts=LOOPING).events()
    last = max(event.at for event in events if event.type == "process.started")
    without = [event for event in events if event.type != "process.started" or event.at < last]
    assert "and it was down" in judge(without).why


@pytest.mark.parametrize("restarts", [[], [2.4], [2.4, 3.0, 4.2]])
def test_who_came_back_and_stayed_is_in_no_loop(restarts: list[float]) -> None:
    result = told(restarts=restarts)
    assert result.verdict is Verdict.HELD, result.why


def test_no_advice_about_peers_for_its_own_restart() -> None:
    events = Telling(states=[COMES_BACK], step=KILL, slow={}, restarts=LOOPING).events()
    advice = " ".join(analyze(judge(events), events).recommendations)
    assert "peer" not in advice
    assert "did not start again by itself" in advice
