"""docs/bounds.md: its numbers are those of the tests, and its example is what `plan` says."""

import re
from pathlib import Path

import pytest

from chaos.analysis.pairs import fewest
from chaos.manifests.load import load
from chaos.planning.describe import describe
from chaos.planning.plan import plan
from chaos.statistics import binomial

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "bounds.md").read_text()
ROWS = [
    (int(allowed) / 100, int(least), int(comfortable))
    for allowed, least, comfortable in re.findall(r"\| (\d+) % \| (\d+) \| (\d+) \|", PAGE)
]


def test_the_example_is_what_the_plan_says() -> None:
    [manifest] = load(ROOT / "experiments" / "shop" / "dependency-failure.yaml")
    said = describe(plan(manifest, seed=1))
    lines = re.findall(r"^    of .*$", PAGE, re.MULTILINE)
    assert len(lines) == 3
    assert [line for line in lines if line not in said] == []


@pytest.mark.parametrize(("allowed", "least", "comfortable"), ROWS)
def test_so_few_can_be_held_and_so_many_are_comfortable(allowed: float, least: int, comfortable: int) -> None:
    assert binomial.needed(allowed) == least
    assert binomial.most_excluding(least - 1, allowed) == -1
    most = binomial.most_excluding(comfortable, allowed)
    assert binomial.at_most(most, comfortable, allowed / 2) >= 0.95


def test_all_rows_were_read() -> None:
    assert [allowed for allowed, *_ in ROWS] == [0.1, 0.05, 0.02, 0.01]


def test_what_it_says_of_never_of_trials_and_of_an_app_that_fails_by_itself() -> None:
    assert "60: 5 % is noticed" in PAGE
    assert binomial.noticed(60, 0.0) < 0.05
    assert [fewest(0.05 / states) for states in (1, 2, 4)] == [5, 6, 7]
    assert [binomial.needed(share / 2) for share in (0.2, 0.1, 0.05)] == [14, 29, 59]
    assert binomial.at_most(binomial.most_excluding(1000, 0.02), 1000, 0.005) > 0.9999
    assert binomial.fewest_rejected(1000, 0.02) < 60  # 10 % of 1,000 are 100, give or take 30
