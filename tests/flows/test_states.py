"""Outcome and verdict as the name of a Prefect state, over every hand-written journal."""

from pathlib import Path

import pytest

from chaos.analysis.judge import judge
from chaos.analysis.result import Result
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict
from flows.prefect.states import name_of, state_of

JOURNALS = sorted((Path(__file__).parents[1] / "journals").glob("*.ndjson"))


@pytest.fixture(scope="module", params=JOURNALS, ids=lambda path: path.stem)
def result(request: pytest.FixtureRequest) -> Result:
    """What one of the journals teaches."""
    return judge(list(Journal(request.param).events()))


def test_only_held_completes(result: Result) -> None:
    state = state_of(result)

    assert state.is_completed() == (result.exit_code == 0)
    assert state.is_failed() == (result.exit_code != 0)
    assert state.message == result.why


@pytest.mark.parametrize(
    ("outcome", "verdict", "name"),
    [
        (Outcome.COMPLETED, Verdict.HELD, "Completed"),
        (Outcome.COMPLETED, Verdict.DEVIATED, "Deviated"),
        (Outcome.COMPLETED, Verdict.INCONCLUSIVE, "Inconclusive"),
        (Outcome.ABORTED, Verdict.DEVIATED, "Aborted"),
        (Outcome.NOT_INJECTED, Verdict.INCONCLUSIVE, "NotInjected"),
        (Outcome.CRASHED, Verdict.INCONCLUSIVE, "Crashed"),
        (Outcome.CRASHED, Verdict.HELD, "Crashed"),
    ],
)
def test_every_end_has_its_name(outcome: Outcome, verdict: Verdict, name: str) -> None:
    held = judge(list(Journal(JOURNALS[0].with_name("held.ndjson")).events()))

    assert name_of(held.model_copy(update={"outcome": outcome, "verdict": verdict})) == name
