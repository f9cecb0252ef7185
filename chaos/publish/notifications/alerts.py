"""Alerts for people on call: an experiment that deviates repeatedly, and its end when it holds again.

Sources. PagerDuty, "Send an Alert Event" of the Events API v2 (summary: 1024 characters, dedup_key: 255). Opsgenie,
"Alert API" (message: 130 characters, alias: 512, description: 15000, 20 tags of 50) and its close by alias.
"""

from hashlib import sha256
from typing import Any, Literal
from urllib.parse import quote

from chaos.publish.notifications.limits import cut
from chaos.publish.notifications.notice import Notice
from chaos.text.inert import inert, one_line

Action = Literal["trigger", "resolve"]
_SOURCE = "chaoslab"


def key_of(experiment: str) -> str:
    """What makes all alerts of one experiment the same."""
    plain = f"{_SOURCE}/{experiment}"
    safe = plain.isascii() and plain.isprintable() and len(plain) <= 200
    return plain if safe else f"{_SOURCE}/{sha256(experiment.encode(errors='surrogatepass')).hexdigest()}"


def pagerduty(notice: Notice, action: Action, in_a_row: int, routing_key: str) -> dict[str, Any]:
    """One event; a resolve needs no more than the key."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": key_of(notice.name),
    }
    if action == "resolve":
        return event
    payload = {
        "summary": cut(one_line(f"{_headline(notice, in_a_row)}: {notice.why}"), 1024),
        "source": cut(inert(notice.name), 255),
        "severity": "error",
        "timestamp": notice.at,
        "component": cut(inert(notice.name), 255),
        "class": notice.event,
        "custom_details": _details(notice, in_a_row),
    }
    links = [{"href": link, "text": what.capitalize()} for what, link in notice.links.items()]
    return event | {"client": "ChaosLab", "payload": payload, "links": links}


def opsgenie(notice: Notice, action: Action, in_a_row: int) -> dict[str, Any]:
    """The body of a new alert, or of its close."""
    if action == "resolve":
        return {"source": _SOURCE, "note": cut(one_line(f"{notice.title}: {notice.why}"), 5000)}
    tags = [cut(inert(f"{key}:{each}"), 50) for key, each in notice.labels.items()]
    links = "\n".join(f"{what}: {link}" for what, link in notice.links.items())
    return {
        "message": cut(one_line(_headline(notice, in_a_row)), 130),
        "alias": key_of(notice.name),
        "description": cut(f"{inert(notice.why)}\n{links}".strip(), 15_000),
        "source": _SOURCE,
        "entity": cut(inert(notice.name), 512),
        "priority": "P3",
        "tags": [_SOURCE, *tags][:20],
        "details": _details(notice, in_a_row),
    }


def opsgenie_path(notice: Notice, action: Action) -> str:
    """Below its API's address."""
    if action == "trigger":
        return "/v2/alerts"
    return f"/v2/alerts/{quote(key_of(notice.name), safe='')}/close?identifierType=alias"


def _headline(notice: Notice, in_a_row: int) -> str:
    """What it is about; in no row, what the notice says."""
    if in_a_row == 0:
        return notice.title
    times = f"{in_a_row} times in a row" if in_a_row > 1 else "once"
    return f"{notice.name} deviated {times}"


def _details(notice: Notice, in_a_row: int) -> dict[str, str]:
    facts = {
        key: str(each) for key, each in notice.facts.items() if key in ("verdict", "outcome", "hypothesis")
    }
    return {
        key: cut(inert(each), 1000)
        for key, each in {"run_id": notice.run_id, "in_a_row": str(in_a_row), **facts}.items()
    }
