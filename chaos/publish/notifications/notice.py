"""Notice: one event of a run or a game day in a sentence, with links. Plain data, no secrets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from chaos.analysis.result import Result
from chaos.explain.redaction import Redactor
from chaos.game_days.day import Day
from chaos.report.plain import plain
from chaos.text.inert import one_line
from chaos.verdict import Outcome, Verdict

Subject = Literal["experiment", "game-day"]
DayEvent = Literal["started", "waiting", "ended"]
MOST_WORDS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing that happened."""

    event: str
    """Past tense, dotted: `chaoslab.run.deviated`."""
    subject: Subject
    name: str
    """Of the experiment or the game day."""
    run_id: str
    title: str
    """A few words for people: `Deviated: shop-network-delay`."""
    why: str
    at: str
    """When it happened: UTC, RFC 3339."""
    matters: bool = True
    """Whether people are to be told; what held is an event for automations only."""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    """`prefect`, `dashboard` -> address. Files of this machine are of no use to others."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """`verdict`, `outcome`, `digest` and the like."""

    @property
    def id(self) -> str:
        """The same for the same thing, however often it is sent: receivers may forget what they had before."""
        return sha256(f"{self.event} {self.run_id} {self.why}".encode()).hexdigest()[:32]


def of_result(result: Result) -> Notice:
    """What became of a run."""
    learnt = result.outcome is Outcome.COMPLETED
    word = str(result.verdict if learnt else result.outcome)
    return Notice(
        event=f"chaoslab.run.{word}",
        subject="experiment",
        name=result.experiment,
        run_id=result.run_id,
        title=f"{word.replace('_', ' ').capitalize()}: {result.experiment}",
        why=said(result.why),
        at=result.ended_at,
        matters=not (learnt and result.verdict is Verdict.HELD),
        labels=result.labels,
        links=_links(prefect=result.links.prefect, dashboard=result.links.dashboard),
        facts={
            "verdict": str(result.verdict),
            "outcome": str(result.outcome),
            "digest": result.digest,
            "hypothesis": said(result.hypothesis),
        },
    )


def of_day(event: DayEvent, day: Day, why: str = "", link: str | None = None) -> Notice:
    """What became of a game day; `why` is what a person is waited for, or else the day's own reason is given."""
    ended = event == "ended"
    word = str(day.ended or "ended") if ended else event
    at = (day.ended_at if ended else None) or day.started_at
    learnt = {"verdict": str(day.verdict), "outcome": str(day.ended)} if ended else {}
    return Notice(
        event=f"chaoslab.game_day.{event}",
        subject="game-day",
        name=day.name,
        run_id=day.run_id,
        title=f"Game day {word}: {day.name}" + (f", {day.verdict}" if ended else ""),
        why=said(why or (day.why if ended else "") or day.purpose),
        at=at.isoformat(),
        links=_links(prefect=link, dashboard=None),
        facts={**learnt, "digest": day.digest},
    )


def said(text: str) -> str:
    """One line that may leave the machine: parts of it may come from an app."""
    return one_line(plain(Redactor(addresses=False)(text)))[:MOST_WORDS]


def _links(**links: str | None) -> dict[str, str]:
    """Those that lead somewhere, without a user's name and password."""
    known = {what: link for what, link in links.items() if link and link.startswith(("http://", "https://"))}
    return {what: _without_login(link) for what, link in known.items()}


def _without_login(link: str) -> str:
    scheme, _, rest = link.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{place.rpartition('@')[2]}{rest[len(place) :]}"
