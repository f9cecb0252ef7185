"""How many trials: a number, or until they are decided; in both spellings, with one clear error of each mistake."""

from pathlib import Path

import pytest

from chaos.errors import ManifestError
from chaos.manifests.load import load
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, plan, undecidable
from tests.flows.manifests import killed


def planned(folder: Path, trials: str) -> Plan:
    [loaded] = load(killed(folder, more=f"  {trials}"))
    return plan(loaded, seed=7)


def test_words_and_mapping_say_the_same(tmp_path: Path) -> None:
    digests = {
        planned(tmp_path, f"trials: {written}").digest
        for written in (
            "until decided",
            "until decided (max 40)",
            "until decided, max 40",
            "{until: decided}",
            "{until: decided, max: 40}",
        )
    }
    assert len(digests) == 1


def test_the_order_says_what_decides(tmp_path: Path) -> None:
    asked = planned(tmp_path, "trials: until decided (max 40)\n  control: true")
    said = {"trials": 40, "control": True, "until": "decided", "exclude": 0.1}
    assert asked.order()["series"] == said
    assert Plan.from_json(asked.to_json()) == asked
    assert planned(tmp_path, "trials: 3").order()["series"] == {"trials": 3, "control": False}


def test_the_plan_says_when_it_is_decided(tmp_path: Path) -> None:
    said = describe(planned(tmp_path, "trials: {until: decided, max: 60, exclude: 5%}\n  control: true"))
    assert "timeline 5s, at most 120 times, each in a fresh sandbox" in said
    assert "deviated when it fails in 5 trials whose controls do not, or more clearly" in said
    assert "held after 59 trials that do: failing in 5.0 % of them would be noticed (95 %)" in said
    assert "not decided when neither can be shown by 60; it ends as soon as it is known" in said
    said = describe(planned(tmp_path, "trials: until decided (max 12)"))
    assert "deviated as soon as it fails in one; held after 12 trials that do: failing in 22 %" in said


@pytest.mark.parametrize(("trials", "enough"), [("4", False), ("5", True), ("until decided (max 4)", False)])
def test_too_few_trials_against_controls_are_told_beforehand(
    tmp_path: Path, trials: str, enough: bool
) -> None:
    [loaded] = load(killed(tmp_path, more=f"  trials: {trials}\n  control: true"))
    notes = undecidable(loaded)
    assert not notes if enough else "can never be deviated" in notes[0].what
    assert enough or (notes[0].path, notes[0].line) == ("spec.trials", 29)


@pytest.mark.parametrize(
    ("written", "where", "what"),
    [
        ("sometimes", "spec.trials", "expected a number from 1 to 100, or 'until decided (max 40)'"),
        ("0", "spec.trials", "0 is too low; at least 1"),
        ("101", "spec.trials", "101 is too high; at most 100"),
        ("until decided (max 1)", "spec.trials.max", "1 is too low; at least 2"),
        ("{until: decided, max: 40, exclude: 5%}", "spec.trials", "59 trials must hold to exclude a failure"),
        ("{until: held}", "spec.trials.until", "unknown 'held'; known: decided"),
        ("{max: 3}", "spec.trials.until", "missing, but required"),
        ("{until: decided, maxi: 3}", "spec.trials.maxi", "did you mean 'max'? known: exclude, max, until"),
        ("{until: decided, exclude: 0%}", "spec.trials.exclude", "'0%' is too low; above 0"),
        ("true", "spec.trials", "expected a whole number, got true"),
        ("[]", "spec.trials", "expected a whole number, got a list"),
    ],
)
def test_a_mistake_is_one_clear_error(tmp_path: Path, written: str, where: str, what: str) -> None:
    with pytest.raises(ManifestError) as raised:
        planned(tmp_path, f"trials: {written}")
    [problem] = raised.value.problems
    assert (problem.path, problem.line) == (where, 29)
    assert what in problem.what
