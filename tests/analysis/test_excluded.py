"""What a `held` excludes, said where a person looks first: a share that is bad, and a delay."""

from html import unescape
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.made_up import Phases, Run, answering, independent, looked_at, p95
from chaos.analysis import judge, series
from chaos.analysis.foresight import expected, in_words
from chaos.analysis.judgement import judge_segment
from chaos.analysis.result import Result
from chaos.events import segments
from chaos.publish.prometheus.conclusion import conclusion
from chaos.report.console import closing_lines
from chaos.report.html import render
from chaos.run_spec.model import RunSpec
from chaos.verdict import Verdict
from flows.experiment.artifacts import markdown

PHASES = Phases(3.0, 5.0, 3.0)
WITHIN = {"status": 200, "max_latency": 0.2}
P95 = p95(1.0)


def slow(dice: Random, more_s: float = 0.0) -> Result:
    return judge(Run([P95], {}, PHASES, 50.0, answered_s=answering(dice, PHASES, more_s)).events())


def test_the_headline_says_the_share_that_would_have_been_noticed() -> None:
    result = judge(Run([looked_at(every=0.1)], {}, PHASES).events())
    assert result.verdict is Verdict.HELD
    assert result.why.endswith("110 samples: 5.8 % bad or more would have been noticed (95 %).")


def test_of_several_states_it_is_what_each_would_have_noticed() -> None:
    states = [looked_at(every=0.05, budget=0.05, tolerance=WITHIN), looked_at("b", every=0.1)]
    result = judge(Run(states, {}, PHASES).events())
    assert (
        "16 % bad or more would have been noticed in each, and 198 ms more on every answer (95 %)"
        in result.why
    )
    shares = [state.noticed_share for state in result.steady_state]
    assert shares == [pytest.approx(0.16, abs=0.005), pytest.approx(0.058, abs=0.001)]


def test_afterwards_it_is_of_the_time_since_it_was_back() -> None:
    states = [looked_at(every=0.05, holds="afterwards", recover_within_s=2.0)]
    result = judge(Run(states, {}, PHASES).events())
    assert "4.9 % bad or more would have been noticed (95 %)" in result.why
    assert result.steady_state[0].noticed_delay_seconds is None  # nothing bounds how long an answer takes


def test_it_is_a_number_for_programs() -> None:
    result = judge(Run([looked_at(every=0.1, tolerance=WITHIN)], {}, PHASES).events())
    [said] = Result.model_validate_json(result.model_dump_json()).steady_state
    assert said.noticed_share == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-3)
    assert said.noticed_delay_seconds == pytest.approx(0.198, abs=1e-3)
    [sample] = [each for each in conclusion(result, {}) if "chaoslab_run_noticed_ratio" in str(each.series)]
    assert sample.value == said.noticed_share


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_delay_it_names_is_noticed(seed: int) -> None:
    """Said of a run without it, then put on every answer under the fault of another."""
    dice, noticed = Random(seed), 0
    for _ in range(12):
        without = slow(dice)
        assert without.verdict is Verdict.HELD
        [state] = without.steady_state
        assert state.noticed_delay_seconds is not None
        assert 0.5 < state.noticed_delay_seconds < 0.9, state.why
        noticed += slow(dice, state.noticed_delay_seconds).verdict is Verdict.DEVIATED
    assert noticed >= 10  # of 95 % fewer are met with 2 %


def test_much_less_than_that_delay_is_not_noticed() -> None:
    assert slow(Random(5), 0.2).verdict is Verdict.HELD


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_share_it_names_is_noticed(seed: int) -> None:
    random, noticed = Random(seed), 0
    for _ in range(40):
        bad = {"answers": independent(random, 0.0, 0.058, PHASES)}
        noticed += judge(Run([looked_at(every=0.1)], bad, PHASES).events()).verdict is Verdict.DEVIATED
    assert noticed >= 34  # of 95 % fewer are met with 0.3 %


@pytest.mark.parametrize(
    "state", [looked_at(every=0.1), looked_at(every=0.05, budget=0.05, tolerance=WITHIN), P95]
)
def test_the_plan_says_beforehand_what_the_run_says_then(state: dict[str, Any]) -> None:
    run = Run([state], {}, PHASES, 50.0, answered_s=answering(Random(1), PHASES))
    result = judge(events := run.events())
    [(_, before)] = expected(RunSpec.of_journal(events[0].data["plan"]))
    assert result.steady_state[0].noticed_share == pytest.approx(before.noticed, rel=0.03)
    assert ("a delay that makes so many later than" in in_words(before)) == ("max" in str(state["tolerance"]))


def test_by_the_rules_of_before_it_says_nothing_of_it() -> None:
    events = Run([looked_at(every=0.1)], {}, PHASES).events()
    assert judge(events, rules=1).why.endswith("(delay 300.1 ms of 300 ms asked), 110 samples.")
    assert judge(events, rules=2).why == judge(events).why


def test_a_control_says_it_too() -> None:
    place = {"trial": 1, "control": True, "series": {"trials": 1, "control": True}}
    [control] = segments(Run([looked_at(every=0.1)], {}, PHASES, place=place).events())
    held = judge_segment(control).result
    assert (
        held.why
        == "“answers” held without a fault, 110 samples: 5.8 % bad or more would have been noticed (95 %)."
    )


def test_terminal_and_report_begin_with_it(tmp_path: Path) -> None:
    events = Run([looked_at(every=0.1)], {}, PHASES).events()
    result, said = judge(events), "110 samples: 5.8 % bad or more would have been noticed (95 %)."
    assert next(closing_lines(result, tmp_path)).endswith(said)
    assert said in unescape(render(result, series(events))).replace("\N{NO-BREAK SPACE}", " ")
    assert said in markdown(result, "")
