"""What the command says is what it said: `tests.house.golden` keeps it, and writes it anew when it should differ."""

import json
from pathlib import Path

import pytest

from tests.house import golden

ANEW = "meant? then: python -m tests.house.golden"


@pytest.fixture(autouse=True)
def at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(golden.ROOT)


def kept(name: str) -> str:
    return (golden.FOLDER / name).read_text("utf-8")


@pytest.mark.parametrize("name", ["help.txt", "plans.txt", "wheel.txt"])
def test_it_is_said_as_before(name: str) -> None:
    assert golden.GOLDEN[name]() == kept(name), ANEW


def test_every_journal_is_judged_as_before() -> None:
    before, now = (
        {line.partition(" ")[0]: json.loads(line.partition(" ")[2]) for line in text.splitlines()}
        for text in (kept("results.txt"), golden.results())
    )
    assert before.keys() == now.keys(), ANEW
    others = [f"{name}: {each}" for name in before for each in golden.differences(before[name], now[name])]
    assert not others, "\n".join([ANEW, *others[:20]])


def test_a_difference_is_told_by_its_place() -> None:
    kept_, now = {"a": [{"b": 1}, 2], "c": None}, {"a": [{"b": 3}, 2], "d": ["x"]}
    assert list(golden.differences(kept_, now)) == ["a[0].b: 1 -> 3", 'd: null -> ["x"]']


def test_results_do_not_hang_on_the_place_of_the_checkout() -> None:
    for name in golden.GOLDEN:
        assert str(golden.ROOT) not in kept(name), name
        assert str(Path.home()) + "/" not in kept(name), name
