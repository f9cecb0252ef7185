"""How often verdicts are wrong, in short: what the bench promises, at fixed seeds and with room for chance."""

import pytest

from bench import deciding, estimating
from bench.promises import Table, broken

SHORT = ("2/4/3",)


@pytest.mark.parametrize(
    "table",
    [deciding.series, deciding.shares, deciding.provable],
    ids=lambda each: each.__name__,
)
def test_what_can_be_summed_up_exactly_is_as_promised(table: "type[Table]") -> None:
    assert broken(table()) == []


def test_budgets_are_as_promised() -> None:
    assert broken(deciding.budgets(20, SHORT)) == []
    assert broken(deciding.under_fault(20)) == []


def test_several_states_and_hiccups_are_as_promised() -> None:
    assert broken(deciding.many_states(20)) == []
    assert broken(deciding.dependence(20)) == []


def test_error_rates_are_as_promised() -> None:
    assert broken(deciding.error_rates(20, SHORT)) == []


def test_recovery_is_as_promised() -> None:
    assert broken(estimating.outages(20)) == []
    assert broken(estimating.flapping(100)) == []
    assert broken(estimating.recovery_over_trials(50)) == []


def test_more_trials_notice_more() -> None:
    """From five trials on: with three, three of three are just within 5 %, which fewer of five are not."""
    for row in deciding.series().rows:
        itself, under, *found = [float(cell.removesuffix(" %")) for cell in row.cells]
        if under > itself:
            assert found[1:] == sorted(found[1:]), row.cells
