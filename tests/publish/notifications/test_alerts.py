"""Who is on call is called at the second deviation in a row, and told when it holds again; once each, by one key."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from chaos.publish.notifications import sending
from chaos.publish.notifications.alerts import key_of, opsgenie, pagerduty
from chaos.publish.notifications.limits import units
from chaos.publish.notifications.notice import Notice, of_day, of_result
from chaos.publish.notifications.sending import call, send_notice
from chaos.settings import Settings
from chaos.verdict import Outcome, Verdict
from tests.publish.notifications.test_forms import WORST, telling
from tests.publish.notifications.test_notice import a_day, a_result
from tests.publish.notifications.test_sending import Receiver, receiver, settings

__all__ = ["receiver"]

KEY = "R0UTING-key-of-ours"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between tries."""
    monkeypatch.setattr(sending, "_PAUSES_S", (0.01, 0.02))


@pytest.fixture
def pager(receiver: Receiver, tmp_path: Path) -> Settings:
    receiver.answers = [202]
    return settings(
        chaoslab_pagerduty_key=KEY,
        chaoslab_pagerduty_url=receiver.url,
        chaoslab_state_dir=str(tmp_path / "state"),
    )


def ran(number: int, verdict: str, outcome: Outcome = Outcome.COMPLETED) -> Notice:
    return of_result(a_result(run_id=f"r-{number}", verdict=Verdict(verdict), outcome=outcome))


def events(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in receiver.sent]


def called(receiver: Receiver, pager: Settings, *verdicts: str) -> list[str]:
    """What a row of runs makes of it."""
    for number, verdict in enumerate(verdicts):
        assert asyncio.run(call(ran(number, verdict), pager)) == []
    return [event["event_action"] for event in events(receiver)]


@pytest.mark.parametrize(
    ("verdicts", "actions"),
    [
        (["deviated"], []),
        (["deviated", "held", "deviated", "held"], []),
        (["deviated", "deviated"], ["trigger"]),
        (["deviated", "inconclusive", "deviated"], ["trigger"]),
        (["deviated", "deviated", "held", "held"], ["trigger", "resolve"]),
        (["deviated", "deviated", "deviated", "inconclusive", "held"], ["trigger", "trigger", "resolve"]),
        (["deviated", "deviated", "held", "deviated", "held"], ["trigger", "resolve"]),
    ],
)
def test_a_row_of_runs(receiver: Receiver, pager: Settings, verdicts: list[str], actions: list[str]) -> None:
    assert called(receiver, pager, *verdicts) == actions
    assert len({event["dedup_key"] for event in events(receiver)}) <= 1


def test_a_run_that_is_told_of_twice_counts_once(receiver: Receiver, pager: Settings) -> None:
    for _ in range(3):
        assert asyncio.run(call(ran(1, "deviated"), pager)) == []
    assert receiver.sent == []


def test_an_abort_that_deviated_counts_and_a_game_day_does_not(receiver: Receiver, pager: Settings) -> None:
    for number in (1, 2):
        asyncio.run(call(ran(number, "deviated", Outcome.ABORTED), pager))
        asyncio.run(call(of_day("ended", a_day(ended="stopped", why="x")), pager))
    assert [event["event_action"] for event in events(receiver)] == ["trigger"]


def test_another_number_in_a_row(receiver: Receiver, pager: Settings) -> None:
    at_once = pager.model_copy(update={"chaoslab_alert_after": 1})
    assert called(receiver, at_once, "deviated", "held") == ["trigger", "resolve"]


def test_what_was_not_taken_is_sent_again_at_the_next_run(receiver: Receiver, pager: Settings) -> None:
    for number in (1, 2):
        receiver.answers = [500]
        whys = asyncio.run(call(ran(number, "deviated"), pager))
    assert whys == ["CHAOSLAB_PAGERDUTY_KEY: HTTP 500"]
    assert asyncio.run(call(ran(3, "held"), pager)) == ["CHAOSLAB_PAGERDUTY_KEY: HTTP 500"]
    receiver.answers, receiver.sent = [202], []
    assert asyncio.run(call(ran(4, "held"), pager)) == []
    assert asyncio.run(call(ran(5, "held"), pager)) == []
    assert [event["event_action"] for event in events(receiver)] == ["resolve"]


def test_the_event_is_as_pagerduty_documents_it(receiver: Receiver, pager: Settings) -> None:
    called(receiver, pager, "deviated", "deviated", "held")
    trigger, resolve = events(receiver)
    name = a_result().experiment
    assert {key: trigger[key] for key in ("routing_key", "event_action", "dedup_key", "client")} == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": f"chaoslab/{name}",
        "client": "ChaosLab",
    }
    payload = trigger["payload"]
    assert {"summary", "source", "severity", "timestamp", "custom_details"} <= set(payload)
    assert payload["severity"] in ("critical", "error", "warning", "info")
    assert payload["summary"].startswith(f"{name} deviated 2 times in a row: ")
    assert resolve == {"routing_key": KEY, "event_action": "resolve", "dedup_key": f"chaoslab/{name}"}


def test_opsgenie_is_alerted_and_the_alert_closed(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [202]
    genie = settings(
        chaoslab_opsgenie_key=KEY,
        chaoslab_opsgenie_url=receiver.url + "/",
        chaoslab_state_dir=str(tmp_path / "state"),
    )
    for number, verdict in enumerate(["deviated", "deviated", "held"]):
        receiver.answers = [404] if verdict == "held" else [202]  # somebody has closed it
        assert asyncio.run(call(ran(number, verdict), genie)) == []
    (made, alert), (closed, note) = ((headers, json.loads(body)) for headers, body in receiver.sent)
    name = a_result().experiment
    assert made["Authorization"] == closed["Authorization"] == f"GenieKey {KEY}"
    assert receiver.paths[0].endswith("/v2/alerts")
    assert receiver.paths[1].endswith(f"/v2/alerts/chaoslab%2F{name}/close?identifierType=alias")
    assert (alert["message"], alert["alias"]) == (f"{name} deviated 2 times in a row", f"chaoslab/{name}")
    assert alert["priority"] in ("P1", "P2", "P3", "P4", "P5")
    assert all(isinstance(value, str) for value in alert["details"].values())
    assert note["source"] == "chaoslab"


@pytest.mark.parametrize("words", WORST, ids=lambda words: words[:3])
def test_the_worst_words_are_within_every_limit(words: str) -> None:
    notice = telling(words)
    payload = pagerduty(notice, "trigger", 2, KEY)["payload"]
    assert 1 <= units(payload["summary"]) <= 1024
    alert = opsgenie(notice, "trigger", 2)
    assert 1 <= units(alert["message"]) <= 130
    assert units(alert["description"]) <= 15_000
    assert len(alert["tags"]) <= 20
    assert all(units(tag) <= 50 for tag in alert["tags"])
    assert units(key_of(words)) <= 255


def test_a_key_is_in_no_sentence_and_no_picture(receiver: Receiver, pager: Settings, tmp_path: Path) -> None:
    receiver.answers = [400]
    telling_it = {"why": f"the app printed {KEY}"}
    whys = []
    for number in (1, 2):
        result = a_result(run_id=f"r-{number}", verdict=Verdict.DEVIATED, **telling_it)
        whys = asyncio.run(call(of_result(result), pager))
    assert whys == ["CHAOSLAB_PAGERDUTY_KEY: HTTP 400"]
    (event,) = events(receiver)
    assert KEY not in json.dumps(event["payload"])
    assert KEY not in repr(pager)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*.json"))
    assert KEY.encode() not in kept


@pytest.mark.parametrize(
    "spoilt", ["[1]", '{"deviated": "x"}', "{", '{"deviated": -4}', '{"more": 1}', "[" * 4000]
)
def test_a_spoilt_file_begins_anew(receiver: Receiver, pager: Settings, tmp_path: Path, spoilt: str) -> None:
    called(receiver, pager, "deviated")
    (kept,) = (tmp_path / "state" / "alerts").iterdir()
    kept.write_text(spoilt)
    assert called(receiver, pager, "deviated", "deviated") == ["trigger"]


def test_a_state_that_cannot_be_kept_is_a_sentence(pager: Settings, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    (why,) = asyncio.run(call(ran(1, "deviated"), pager))
    assert "alerts: " in why


def test_a_run_that_held_ends_an_alert_and_is_told_to_nobody_else(
    receiver: Receiver, pager: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    called(receiver, pager, "deviated", "deviated")
    for name, value in {
        "CHAOSLAB_PAGERDUTY_KEY": KEY,
        "CHAOSLAB_PAGERDUTY_URL": receiver.url,
        "CHAOSLAB_STATE_DIR": str(pager.chaoslab_state_dir),
        "CHAOSLAB_NOTICE_URL": receiver.url,
    }.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    asyncio.run(send_notice(ran(9, "held"), said.append))
    assert said == []
    assert [event.get("event_action") for event in events(receiver)] == ["trigger", "resolve"]
