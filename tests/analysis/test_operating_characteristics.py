"""How often verdicts are wrong, in short: what the bench promises, at fixed seeds and with room for chance."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import deciding, estimating, landing, operating_characteristics, series
from bench.promises import Table, broken, markdown

SHORT = ("2/4/3",)
PAGE = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text()


@pytest.mark.parametrize(
    "table",
    [series.series, deciding.shares, series.provable],
    ids=lambda each: each.__name__,
)
def test_what_can_be_summed_up_exactly_is_as_promised(table: Callable[[], Table]) -> None:
    assert broken(table()) == []


@pytest.mark.parametrize(
    "table",
    [series.series, deciding.shares, series.provable, estimating.wilson],
    ids=lambda each: each.__name__,
)
def test_the_page_has_the_tables_that_are_exact(table: Callable[[], Table]) -> None:
    assert markdown(table()) in PAGE


def test_the_page_has_every_table_that_the_bench_writes() -> None:
    with_titles = {*re.findall(r"^### (.*)$", PAGE, re.MULTILINE)}
    written = inspect.getsource(operating_characteristics.tables).count("yield")
    assert len(with_titles) == written


def test_budgets_are_as_promised() -> None:
    assert broken(deciding.budgets(20, SHORT)) == []
    assert broken(deciding.under_fault(20)) == []


def test_several_states_and_hiccups_are_as_promised() -> None:
    assert broken(deciding.many_states(20)) == []
    assert broken(deciding.dependence(20)) == []


def test_states_that_come_back_are_as_promised() -> None:
    assert broken(deciding.afterwards(20, (4.0,))) == []
    assert broken(deciding.delays(30)) == []


def test_error_rates_are_as_promised() -> None:
    assert broken(deciding.error_rates(20, SHORT)) == []


def test_a_fault_that_was_lost_has_not_landed() -> None:
    assert broken(landing.over_the_hold(20)) == []


def test_recovery_is_as_promised() -> None:
    assert broken(estimating.outages(20)) == []
    assert broken(estimating.flapping(100)) == []
    assert broken(estimating.recovery_over_trials(30)) == []


def test_intervals_of_samples_that_are_alike_cover_as_promised() -> None:
    assert broken(estimating.coverage(20)) == []


def test_more_trials_notice_more() -> None:
    for row in series.series().rows:
        itself, under, *found, _ = row.cells
        if itself != "takes turns" and float(under.removesuffix(" %")) > float(itself.removesuffix(" %")):
            by_number = [float(cell.removesuffix(" %")) for cell in found[:-1]]
            assert by_number == sorted(by_number), row.cells


def test_a_series_until_it_is_decided_is_as_promised() -> None:
    assert broken(series.carried_out(20)) == []
