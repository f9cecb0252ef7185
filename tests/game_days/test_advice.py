"""Recommendations of many runs: each once, the most pressing first."""

from chaos.explain import knowledge
from chaos.game_days.advice import merged
from chaos.verdict import Verdict
from tests.game_days.a_day import ADVICE, analysis, result, results

OTHER = knowledge.advice("any", "silent") or ""


def test_the_same_advice_is_one_with_the_evidence_of_all() -> None:
    first = merged(results().values())[0]
    assert first.what == ADVICE
    assert first.experiments == ("network", "disk")
    assert [each.words for each in first.seen] == [
        "1 of 3,000 requests failed.",
        "26 of 3,000 requests failed.",
    ]


def test_counts_by_the_worst_run_that_says_so() -> None:
    assert [each.severity for each in merged(results().values())] == ["high", "high"]


def test_a_model_s_words_are_one_when_most_of_them_are() -> None:
    second = merged(results().values())[1]
    assert second.what == "Before the inventory add a circuit breaker."
    assert [(each.experiment, each.words) for each in second.seen] == [("network", ""), ("disk", "")]


def test_the_most_severe_comes_first_then_what_most_say() -> None:
    runs = [
        result("a", Verdict.HELD, 0, analysis=analysis("low", f"Seen. {ADVICE}")),
        result(
            "b", Verdict.HELD, 0, analysis=analysis("low", f"Seen. {ADVICE}", f"Seen. {OTHER}", "Buy disks.")
        ),
        result("c", Verdict.DEVIATED, 0, analysis=analysis("critical", "Something else entirely.")),
    ]
    assert [each.what for each in merged(runs)] == ["Something else entirely.", ADVICE, OTHER, "Buy disks."]


def test_two_that_the_rules_tell_apart_stay_apart() -> None:
    every = sorted(knowledge.everything())
    runs = [
        result(f"r{number}", Verdict.HELD, 0, analysis=analysis("low", each))
        for number, each in enumerate(every)
    ]
    assert sorted(each.what for each in merged(runs)) == every


def test_a_run_without_analysis_says_nothing() -> None:
    assert merged([result("a", Verdict.HELD, 0, analysis=None)]) == ()
