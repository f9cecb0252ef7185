"""What is said of a run and of a game day, and how it is written for programs and for Slack."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from chaos.analysis.judgement import judge
from chaos.analysis.result import Links, Result
from chaos.game_days.day import Day
from chaos.publish.notifications.bodies import generic, slack
from chaos.publish.notifications.notice import DayEvent, of_day, of_result
from chaos.runs.journal import Journal
from chaos.verdict import Outcome, Verdict

JOURNALS = Path(__file__).parents[2] / "journals"


def a_result(**changed: object) -> Result:
    return judge(list(Journal(JOURNALS / "held.ndjson").events())).model_copy(update=changed)


def a_day(**changed: object) -> Day:
    began = datetime(2026, 11, 23, 9, tzinfo=UTC)
    day = Day(
        run_id="20261123-090000-friday-1a2b3c",
        name="friday",
        purpose="Ready for the sale?",
        digest="sha256:1",
        started_at=began,
    )
    return day.model_copy(update=changed)


@pytest.mark.parametrize(
    ("outcome", "verdict", "event", "title", "matters"),
    [
        (Outcome.COMPLETED, Verdict.HELD, "held", "Held: ", False),
        (Outcome.COMPLETED, Verdict.DEVIATED, "deviated", "Deviated: ", True),
        (Outcome.COMPLETED, Verdict.INCONCLUSIVE, "inconclusive", "Inconclusive: ", True),
        (Outcome.ABORTED, Verdict.DEVIATED, "aborted", "Aborted: ", True),
        (Outcome.ABORTED, Verdict.HELD, "aborted", "Aborted: ", True),
        (Outcome.NOT_INJECTED, Verdict.INCONCLUSIVE, "not_injected", "Not injected: ", True),
        (Outcome.CRASHED, Verdict.INCONCLUSIVE, "crashed", "Crashed: ", True),
    ],
)
def test_every_end_has_its_event_and_only_held_is_no_matter(
    outcome: Outcome, verdict: Verdict, event: str, title: str, matters: bool
) -> None:
    result = a_result(outcome=outcome, verdict=verdict)
    notice = of_result(result)
    assert (notice.event, notice.matters) == (f"chaoslab.run.{event}", matters)
    assert notice.title == title + result.experiment


@pytest.mark.parametrize(
    ("event", "title", "why"),
    [
        ("started", "Game day started: friday", "Ready for the sale?"),
        ("waiting", "Game day waiting: friday", "stage two wants a go"),
        ("ended", "Game day stopped: friday, inconclusive", "a deviation"),
    ],
)
def test_a_game_day_says_what_for_and_how_it_ended(event: DayEvent, title: str, why: str) -> None:
    day = a_day(ended="stopped", why="a deviation") if event == "ended" else a_day()
    notice = of_day(event, day, "stage two wants a go" if event == "waiting" else "", "http://prefect/day")
    assert (notice.event, notice.title, notice.why) == (f"chaoslab.game_day.{event}", title, why)
    assert (notice.matters, dict(notice.links)) == (True, {"prefect": "http://prefect/day"})


def test_secrets_of_an_app_and_files_of_this_machine_do_not_leave_it() -> None:
    links = Links(
        report="/home/me/report.html", prefect="http://127.0.0.1:4200/runs/1", dashboard="javascript:alert(1)"
    )
    notice = of_result(a_result(why="login with password=hunter22 failed\x1b[31m\nGET / 500", links=links))
    assert notice.why == "login with password=<secret> failed GET / 500"
    assert dict(notice.links) == {"prefect": "http://127.0.0.1:4200/runs/1"}


def test_the_same_thing_has_the_same_id() -> None:
    result = a_result()
    assert of_result(result).id == of_result(result).id
    assert of_result(result).id != of_result(result.model_copy(update={"run_id": "another"})).id


def test_programs_get_everything() -> None:
    result = a_result(
        outcome=Outcome.COMPLETED, verdict=Verdict.DEVIATED, why="it stayed away", labels={"team": "payments"}
    )
    body = generic(of_result(result))
    assert body.pop("id") == of_result(result).id
    assert body == {
        "event": "chaoslab.run.deviated",
        "at": result.ended_at,
        "subject": {"kind": "experiment", "name": result.experiment},
        "run_id": result.run_id,
        "title": f"Deviated: {result.experiment}",
        "why": "it stayed away",
        "labels": {"team": "payments"},
        "links": {},
        "verdict": "deviated",
        "outcome": "completed",
        "digest": result.digest,
        "hypothesis": result.hypothesis,
    }


def test_slack_calls_nobody_and_follows_no_link_that_an_app_wrote() -> None:
    why = "<!channel> see <http://evil|here> & " + "x" * 5000
    links = Links(prefect="http://127.0.0.1:4200/runs/1")
    body = slack(of_result(a_result(why=why, links=links, labels={"team": "payments"})))
    header, section, context = body["blocks"]
    assert section["text"]["text"].startswith("&lt;!channel&gt; see &lt;http://evil|here&gt; &amp; ")
    assert "<" not in body["text"]
    assert len(section["text"]["text"]) <= 3000
    assert len(header["text"]["text"]) <= 150
    assert "team: payments · <http://127.0.0.1:4200/runs/1|Prefect>" in context["elements"][0]["text"]
