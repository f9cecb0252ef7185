"""Outcome and verdict as the name of a Prefect state, over every hand-written journal."""

import ast
import re
from pathlib import Path

import pytest

from chaos.analysis.judgement import judge
from chaos.analysis.result import Result
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict, ending
from flows.prefect.states import ended_as, ending_of, name_of, state_of, status_of

JOURNALS = sorted((Path(__file__).parents[1] / "journals").glob("*.ndjson"))


ROOT = Path(__file__).parents[2]
NAMES = re.compile(
    "SCHEDULED|PENDING|RUNNING|PAUSED|CANCELLING|COMPLETED|CRASHED|FAILED|CANCELLED"
    "|Completed|Deviated|Inconclusive|Crashed|Aborted|NotInjected|Cancelled|AwaitingConcurrencySlot"
)


def test_prefects_names_are_known_to_one_module() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in ROOT.glob("flows/**/*.py")
        if path.name != "states.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAMES.fullmatch(node.value)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("state_type", "status"),
    [
        ("SCHEDULED", "queued"),
        ("PAUSED", "waiting"),
        ("CANCELLING", "stopping"),
        ("FAILED", "ended"),
        (None, "ended"),
    ],
)
def test_a_type_of_state_has_a_status(state_type: str | None, status: str) -> None:
    assert status_of(state_type) == status


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("outcome", list(Outcome))
def test_the_name_of_an_end_says_how_it_ended(outcome: Outcome, verdict: Verdict) -> None:
    held = judge(list(Journal(JOURNALS[0].with_name("held.ndjson")).events()))
    name = name_of(held.model_copy(update={"outcome": outcome, "verdict": verdict}))
    assert ending_of(name) == ending(outcome, verdict)
    ended = ended_as(name)
    assert ended[0] is outcome
    assert outcome is not Outcome.COMPLETED or ended[1] is verdict


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
