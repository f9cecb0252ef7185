"""What chats take: within their documented limits whatever was escaped, calling nobody, linking nowhere else."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from chaos.analysis.result import Links
from chaos.publish.notifications import sending
from chaos.publish.notifications.bodies import discord, slack, teams
from chaos.publish.notifications.limits import cut, units
from chaos.publish.notifications.notice import Notice, of_result
from chaos.publish.notifications.receivers import written
from chaos.publish.notifications.requests import retry_after
from chaos.publish.notifications.sending import send
from tests.publish.notifications.test_notice import a_result
from tests.publish.notifications.test_sending import Receiver, receiver, settings

__all__ = ["receiver"]

WORST = ("&" * 9000, "<!channel>" * 300, "🐙" * 5000, "\\" * 4000, "`" * 3000, "*_~|" * 1000, "")
LONG = "https://example.org/" + "a" * 5000


def telling(words: str, **labels: str) -> Notice:
    links = Links(prefect="https://bob:pw@prefect/runs/1?a=b|c", dashboard=LONG)
    return Notice(
        event="chaoslab.run.deviated",
        subject="experiment",
        name="shop",
        run_id="20261123-045946-shop",
        title=words or "-",
        why=words,
        at="2026-11-23T04:59:58.740Z",
        labels={f"{words[:40]}{number}": words for number in range(40)} | labels,
        links={"prefect": str(links.prefect), "dashboard": LONG},
    )


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from texts(each)


def check_slack(body: dict[str, Any]) -> None:
    header, section, context = body["blocks"]
    assert 1 <= units(header["text"]["text"]) <= 150
    assert 1 <= units(section["text"]["text"]) <= 3000
    assert 1 <= len(context["elements"]) <= 10
    assert all(1 <= units(each["text"]) <= 3000 for each in context["elements"])
    assert units(body["text"]) <= 4000
    for text in (section["text"]["text"], body["text"], *(each["text"] for each in context["elements"])):
        rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert "&" not in rest
        assert "<!" not in rest


def check_teams(body: dict[str, Any]) -> None:
    assert len(written(body)) <= 28 * 1024
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {each["type"] for each in card["body"]} == {"RichTextBlock"}  # which is no Markdown
    assert all(run["type"] == "TextRun" and run["text"] for each in card["body"] for run in each["inlines"])
    assert {each["type"] for each in card["actions"]} <= {"Action.OpenUrl"}


def check_discord(body: dict[str, Any]) -> None:
    assert body["allowed_mentions"] == {"parse": []}
    (embed,) = body["embeds"]
    assert 1 <= units(embed["title"]) <= 256
    assert units(embed["description"]) <= 4096
    assert len(embed["fields"]) <= 25
    for each in embed["fields"]:
        assert 1 <= units(each["name"]) <= 256
        assert 1 <= units(each["value"]) <= 1024
    counted = [embed["title"], embed["description"]]
    counted += [each[part] for each in embed["fields"] for part in ("name", "value")]
    assert sum(map(units, counted)) <= 6000


@pytest.mark.parametrize("words", WORST, ids=lambda words: words[:3])
def test_the_worst_words_are_within_every_limit(words: str) -> None:
    notice = telling(words)
    check_slack(slack(notice))
    check_teams(teams(notice))
    check_discord(discord(notice))


@trying(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.integers(1, 60))
def test_any_words_are_within_every_limit(words: str, times: int) -> None:
    notice = telling(words * times)
    check_slack(slack(notice))
    check_teams(teams(notice))
    check_discord(discord(notice))


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("a&amp;b", 5, "a…"),
        ("a&amp;b", 6, "a…"),
        ("a&amp;bc", 7, "a&amp;…"),
        ("🐙🐙", 3, "🐙…"),
        ("🐙🐙", 2, "…"),
        ("ab\\*c", 4, "ab…"),
        ("a\\\\bc", 4, "a\\\\…"),
    ],
)
def test_no_escape_and_no_letter_is_cut_in_two(text: str, most: int, kept: str) -> None:
    assert cut(text, most) == kept


def test_links_carry_no_login() -> None:
    links = Links(prefect="https://bob:pw@prefect/runs/1", dashboard="https://grafana/d/x?at=a@b")
    assert dict(of_result(a_result(links=links)).links) == {
        "prefect": "https://prefect/runs/1",
        "dashboard": "https://grafana/d/x?at=a@b",
    }


def test_discord_shows_words_as_they_are() -> None:
    (embed,) = discord(telling("**@everyone** [x](http://evil) a & b <@1>"))["embeds"]
    assert embed["description"] == r"\*\*\@everyone\*\* \[x\]\(http\://evil\) a & b \<\@1\>"


def test_each_chat_gets_its_own_form(receiver: Receiver) -> None:
    named = {f"chaoslab_notice_{chat}_url": receiver.url for chat in ("slack", "teams", "discord")}
    assert asyncio.run(send(telling("words"), settings(**named))) == []
    got = [set(json.loads(body)) for _, body in receiver.sent]
    assert sorted(map(sorted, got)) == [
        ["allowed_mentions", "embeds"],
        ["attachments", "type"],
        ["blocks", "text"],
    ]


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("2", 2),
        ("0.25", 0.25),
        ("Mon, 23 Nov 2026 05:00:10 GMT", 10),
        ("Mon, 23 Nov 2026 04:00:00 GMT", 0),
        ("-3", 0),
        ("soon", 0),
        ("inf", 0),
        ("nan", 0),
        (None, 0),
        ("Mon, 99 Nov 2026", 0),
    ],
)
def test_retry_after_in_both_forms(said: str | None, wait_s: float) -> None:
    assert retry_after(said, 1_795_410_000.0) == wait_s


def test_nobody_is_asked_again_before_he_wants_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_PAUSES_S", (0.0, 0.0))
    waits: list[float] = []
    monkeypatch.setattr(sending.time, "sleep", waits.append)
    receiver.answers, receiver.retry_after = [429, 204], "1.5"
    assert asyncio.run(send(telling("x"), settings(chaoslab_notice_discord_url=receiver.url))) == []
    assert waits == [1.5]
    receiver.answers, receiver.retry_after = [429], "60"
    (why,) = asyncio.run(send(telling("x"), settings(chaoslab_notice_discord_url=receiver.url)))
    assert why == "CHAOSLAB_NOTICE_DISCORD_URL: HTTP 429, asks to wait 60 s"
    assert len(receiver.sent) == 3
