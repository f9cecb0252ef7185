"""Safety nets of the demo shop that are taken away are missed: every mutant is one, and two of them are run."""

import pytest

from bench.mutants import EXPERIMENTS, MUTANTS, Mutant, Told, all_experiments, table, tried

SHORT = ("no last known offer", "no timeout of a call")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_takes_something_away_and_has_an_experiment(mutant: Mutant) -> None:
    assert (EXPERIMENTS / mutant.file).read_text().count(mutant.old) == 1
    assert set(mutant.by) <= set(all_experiments())


def test_a_net_that_nobody_misses_is_named() -> None:
    lines = "\n".join(
        table([Told("no retry", "shop/retry", "held", ""), Told("no bound", "shop/x", "deviated", "")])
    )
    assert "| no retry | **nobody** | shop/retry (held) |" in lines
    assert "| no bound | shop/x |  |" in lines


@pytest.mark.e2e
@pytest.mark.parametrize("name", SHORT)
@pytest.mark.paired
def test_it_is_missed(name: str) -> None:
    (mutant,) = (each for each in MUTANTS if each.name == name)
    told = list(tried(mutant, mutant.by, every=False))
    assert told[-1].verdict == "deviated", told
