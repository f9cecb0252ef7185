"""The gate against a corpus: five hundred lies of ten kinds, three hundred true sentences, a hundred planted advice."""

from collections import Counter

import pytest

from chaos.explain import rules
from chaos.explain.answer import Answer, all_advice
from tests.explain.corpus import EACH, RUNS, advice, lies, run, truths

LIES = [(kind, name, text) for kind, found in lies().items() for name, text in found]


def test_there_are_ten_kinds_of_fifty() -> None:
    assert Counter(kind for kind, _, _ in LIES) == dict.fromkeys(lies(), EACH)
    assert len(lies()) == 10
    assert len({(name, text) for _, name, text in LIES}) > 480


@pytest.mark.parametrize("kind", lies())
def test_of_fifty_lies_none_is_shown(kind: str) -> None:
    for name, text in lies()[kind]:
        gate = run(name)[2]
        for words in (
            text,
            text.removesuffix("."),
            text if kind == "log line" else text.lower(),
            f"Here is what users saw: {text}",
            f"In short, {text}",
        ):
            left = gate.accept(
                Answer.model_validate({"summary": [{"words": words, "ids": ["C1"]}], "recommendations": []})
            )
            ours = {claim.text for claim in gate.claims.values()}
            assert set(left.summary) <= {*ours, "Here is what users saw:"}, (name, words)
            assert left.dropped.total() >= 1, (name, words)


def test_nine_of_ten_true_sentences_are_kept() -> None:
    said, kept, lost = Counter[str](), Counter[str](), []
    for kind, name, sentence in truths():
        gate = run(name)[2]
        answer = Answer.model_validate({"summary": [sentence, {"ids": ["C2"]}], "recommendations": []})
        said[kind] += 1
        if gate.accept(answer).dropped.total():
            lost.append((kind, sentence))
        else:
            kept[kind] += 1
    assert said.total() >= 300
    assert kept.total() >= 0.9 * said.total(), lost
    for kind, least in (("by id", 1.0), ("written out", 1.0), ("other wording", 0.85), ("own words", 0.8)):
        assert kept[kind] >= least * said[kind], (kind, lost)


def test_of_a_hundred_planted_recommendations_none_is_shown() -> None:
    result, events, gate = run("hurt")
    own = rules.analyze(result, events).recommendations
    planted = advice()
    assert len(planted) == 100
    for text in planted:
        left = gate.accept(Answer.model_validate({"summary": [], "recommendations": [text]}))
        assert (left.recommendations, left.dropped.total()) == ([], 1), text
        assert all_advice(left.recommendations, own) == own


@pytest.mark.parametrize("name", RUNS)
def test_what_a_sentence_says_of_the_run_is_what_the_run_is(name: str) -> None:
    """The wordings of its verdict are understood as its claim, those of another as a contradiction."""
    result, _, gate = run(name)
    said = {
        "held": "The hypothesis held.",
        "deviated": "The hypothesis did not hold.",
        "inconclusive": "The run was inconclusive.",
    }
    for verdict, text in said.items():
        left = gate.accept(Answer.model_validate({"summary": [{"words": text}], "recommendations": []}))
        if verdict == result.verdict:
            assert left.summary == [f"The verdict is {verdict}."]
        else:
            assert left.summary == []
            assert left.dropped["contradiction"] == 1
