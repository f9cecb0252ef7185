"""All that a model's server can do wrong, by one that really answers: outcome, report and time are never touched."""

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chaos.analysis import judge
from chaos.analysis.chart import series
from chaos.analysis.result import Analysis, Result
from chaos.events import Event
from chaos.explain import rules, wire
from chaos.explain.model import analyze
from chaos.report.html import render
from chaos.settings import Settings
from tests.doubles.groq import (
    KEY,
    Double,
    Play,
    answer,
    babble,
    drip,
    failure,
    flood,
    hang_up,
    raw,
    redirect,
    silence,
    too_large_above,
)
from tests.doubles.groq import groq as server
from tests.journals import build

GOOD = {"summary": [{"ids": ["C5"]}], "recommendations": ["R1"]}
DEEP = b"[" * 100_000
WRONG_TYPES = {
    "choices": [{"message": {"content": ["x"], "refusal": 7}, "finish_reason": {"a": 1}, "index": "no"}],
    "usage": {"prompt_tokens": "many", "completion_tokens": -1e308, "total_tokens": None},
    "id": [],
    "created": "yesterday",
}


def date(seconds: float) -> str:
    """A moment from now, as Retry-After may tell it."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@dataclass(frozen=True)
class Fault:
    """What the server does, what the note says of it, and how often it was asked."""

    play: Play
    why: str
    asked: int | None = 1


FAULTS: Mapping[str, Fault] = {
    "401": Fault(failure(401, "invalid_api_key"), "check GROQ_API_KEY"),
    "403": Fault(failure(403), "does not let this key use"),
    "404": Fault(failure(404, "model_not_found"), "set GROQ_MODEL to openai/gpt-oss-120b", 2),
    "decommissioned": Fault(failure(400, "model_decommissioned"), "set GROQ_MODEL to openai/gpt-oss-120b", 2),
    "400": Fault(failure(400, "invalid"), "refused the request (400, invalid)"),
    "413 whatever is cut": Fault(failure(413, "request_too_large"), "too large", 3),
    "429 for long": Fault(failure(429, headers={"retry-after": "300"}), "asks to wait 300 s"),
    "429 until a late date": Fault(failure(429, headers={"retry-after": date(39_000)}), "it asks to wait 3"),
    "429 until nonsense": Fault(failure(429, headers={"retry-after": "soon, 1e999"}), "used up (429)", 3),
    "429 until a past date": Fault(failure(429, headers={"retry-after": date(-9)}), "it asks to wait 0 s", 3),
    "429 until never": Fault(failure(429, headers={"retry-after": "9" * 400}), "used up (429)", None),
    "500": Fault(failure(500), "Groq failed (500)", 3),
    "503 for long": Fault(failure(503, headers={"retry-after": "300"}), "Groq failed (503)"),
    "json_validate_failed": Fault(failure(400, "json_validate_failed"), "(400, json_validate_failed)", 2),
    "a code of another type": Fault(
        raw(b'{"error": {"code": [1], "message": {}}}', 400), "refused the request (400)"
    ),
    "an error that is text": Fault(raw(b"no", 422, "text/plain"), "refused the request (422)"),
    "an error nested deeply": Fault(raw(DEEP, 400), "refused the request (400)"),
    "an error in html": Fault(raw(b"<html>Bad gateway</html>", 502, "text/html"), "Groq failed (502)", 3),
    "html": Fault(raw(b"<html>Hello</html>", kind="text/html"), "cannot be read as JSON"),
    "nothing": Fault(raw(b""), "cannot be read as JSON"),
    "204": Fault(raw(b"", 204), "cannot be read as JSON"),
    "broken json": Fault(raw(b'{"choices": ['), "cannot be read as JSON"),
    "json of no unicode": Fault(raw(b'{"choices": "\xff\xfe"}'), "cannot be read as JSON"),
    "another json": Fault(raw(b'{"hello": 1}'), "no chat completion"),
    "a list": Fault(raw(b"[1]"), "no chat completion"),
    "a number": Fault(raw(b"NaN"), "no chat completion"),
    "a number too long": Fault(raw(b"1" * 5000), "cannot be read as JSON"),
    "no choice": Fault(raw(b'{"choices": []}'), "no chat completion"),
    "wrong types": Fault(raw(json.dumps(WRONG_TYPES).encode()), "refused to answer", 2),
    "nested deeply": Fault(raw(DEEP), "cannot be read as JSON"),
    "nested deeply, objects": Fault(raw(b'{"a":' * 100_000), "cannot be read as JSON"),
    "content nested deeply": Fault(answer(DEEP.decode()[:50_000]), "agreed form, twice", 2),
    "content of lone surrogates": Fault(
        raw(b'{"choices": [{"message": {"content": "\\ud800{\\udfff"}}]}'), "agreed form, twice", 2
    ),
    "a flood in chunks": Fault(flood(), "more than an answer can be"),
    "a flood of a told length": Fault(raw(b" " * (8 * 2**20)), "more than an answer can be"),
    "a packed flood": Fault(
        raw(gzip.compress(b" " * 2**24), headers={"Content-Encoding": "gzip"}), "packed answer"
    ),
    "a flood of an error": Fault(raw(b"x" * (8 * 2**20), 500), "more than an answer can be"),
    "headers without an end": Fault(raw(b"{}", headers={"X": "y" * 200_000}), "connection to Groq failed", 3),
    "no http": Fault(babble(b"SSH-2.0-OpenSSH_9.2\r\n"), "connection to Groq failed", 3),
    "hung up": Fault(hang_up(), "connection to Groq failed", 3),
    "lost in the middle": Fault(hang_up(b'{"choices": [{"mess'), "connection to Groq failed", 3),
    "prose": Fault(answer("Here you are: it was slow."), "not answer in the agreed form, twice", 2),
    "wrong shape": Fault(answer({"summary": 1, "recommendations": {}}), "agreed form, twice", 2),
    "cut off": Fault(answer('{"summary": "p95', finish_reason="length"), "cut off for its length", 2),
    "refusal": Fault(answer(None, refusal="I cannot help with that."), "refused to answer", 2),
    "empty": Fault(answer(""), "agreed form, twice", 2),
    "nothing verified": Fault(
        answer({"summary": "Latency was 5 s.", "recommendations": ["Turn TLS off."]}), "could be verified"
    ),
    "silence": Fault(silence(), "did not answer in time", None),
    "a byte now and then": Fault(drip(), "within 1.5 s", None),
}
SLOW = {"silence", "a byte now and then"}


@cache
def told() -> tuple[Result, list[Event], Analysis]:
    events = build.deviated_fast_errors_are_not_fast()
    result = judge(events)
    return result, events, rules.analyze(result, events)


def analysed(settings: Settings, **changed: Any) -> Analysis:
    result, events, _ = told()
    return asyncio.run(analyze(result, events, settings.model_copy(update=changed)))


def untouched(analysis: Analysis, why: str) -> None:
    """The rules' words, a note, and the same verdict in a whole report."""
    result, events, own = told()
    assert why in str(analysis.note)
    assert str(analysis.note).endswith("these are the rules' words")
    assert "Traceback" not in str(analysis.note)
    assert analysis.model_copy(update={"note": None, "seconds": None}) == own
    page = render(result.model_copy(update={"analysis": analysis}), series(events))
    assert "deviated" in page
    assert "these are the rules" in page


@pytest.mark.parametrize("name", FAULTS)
def test_whatever_goes_wrong_the_rules_words_stay_with_a_note(
    name: str, groq: Double, settings: Settings
) -> None:
    fault, timeout_s = FAULTS[name], 1.5 if name in SLOW else 15.0
    groq.play(fault.play)
    began = time.monotonic()
    analysis = analysed(settings, groq_timeout_s=timeout_s)
    assert time.monotonic() - began < timeout_s + 5
    untouched(analysis, fault.why if name not in SLOW else "Groq")
    assert fault.asked is None or len(groq.asked) == fault.asked


def test_there_are_more_than_thirty_of_them() -> None:
    assert len(FAULTS) > 30


def test_of_a_flood_no_more_is_read_than_an_answer_can_be(groq: Double, settings: Settings) -> None:
    groq.play(flood())
    analysed(settings)
    assert groq.flooded < 16 * wire.MOST_BYTES


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_evidence_goes_to_no_other_address(status: int, groq: Double, settings: Settings) -> None:
    with server() as other:
        other.play(answer(GOOD))
        groq.play(redirect(f"{other.url}/openai/v1/chat/completions", status))
        untouched(analysed(settings), f"points to another address ({status}); nothing is sent there")
        assert other.asked == []
    assert len(groq.asked) == 1


AWAY: Mapping[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "nobody listens": (lambda _: {"groq_base_url": "http://127.0.0.1:1"}, "connection to Groq failed"),
    "no such scheme": (lambda _: {"groq_base_url": "file:///etc/passwd"}, "GROQ_BASE_URL is no address"),
    "no such port": (lambda _: {"groq_base_url": "http://127.0.0.1:99999"}, "GROQ_BASE_URL is no address"),
    "half an address": (lambda _: {"groq_base_url": "http://[::1"}, "GROQ_BASE_URL is no address"),
    "a login in it": (lambda _: {"groq_base_url": "http://a:b@127.0.0.1"}, "GROQ_BASE_URL is no address"),
    "a key of two lines": (lambda _: {"groq_api_key": SecretStr("a\nb")}, "holds signs that no key has"),
    "a key of other letters": (lambda _: {"groq_api_key": SecretStr("ключ")}, "holds signs that no key has"),
    "no key": (lambda _: {"groq_api_key": None}, "GROQ_API_KEY is not set"),
    "no room for a seat": (lambda path: {"chaoslab_state_dir": path / "file"}, "rules' words"),
}


@pytest.mark.parametrize("name", AWAY)
def test_what_is_set_wrong_here_is_told_too(name: str, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    changed, why = AWAY[name]
    untouched(analysed(settings, **changed(tmp_path)), why)


def until_a_date(handler: Any, asked: Any) -> None:
    """A wait until two seconds after the question."""
    failure(429, headers={"retry-after": date(2.0)})(handler, asked)


GOES_WELL: Mapping[str, tuple[Callable[[], Play], float]] = {
    "a wait in seconds": (lambda: failure(429, headers={"retry-after": "1"}), 1.0),
    "a wait until a date": (lambda: until_a_date, 0.9),
    "a wait of a busy server": (lambda: failure(503, headers={"retry-after": "1"}), 1.0),
    "a wait without a length": (lambda: failure(429), 0.4),
    "what was no json": (lambda: failure(400, "json_validate_failed"), 0.0),
    "a passing failure": (lambda: failure(500), 0.4),
    "a lost connection": (hang_up, 0.4),
}


@pytest.mark.parametrize("name", GOES_WELL)
def test_what_may_go_better_is_tried_again(name: str, groq: Double, settings: Settings) -> None:
    first, waited_s = GOES_WELL[name]
    groq.play(first(), answer(GOOD))
    assert analysed(settings).analyzer == "groq"
    one, two = groq.asked
    assert two.at - one.at >= waited_s


def test_a_prompt_that_is_too_large_is_cut(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD))
    analysed(settings)
    whole = len(groq.asked[0].body)
    groq.play(too_large_above(whole - 500, answer(GOOD)))
    analysis = analysed(settings)
    assert analysis.analyzer == "groq"
    assert "did not fit into the prompt" in str(analysis.note)
    sizes = [len(each.body) for each in groq.asked[1:]]
    assert len(sizes) <= 3
    assert sizes[-1] <= whole - 500


@pytest.mark.parametrize("many", ["It held. ", "The log says “x”. ", "(", "a" * 100 + "! ", "C1 "])
def test_an_answer_full_of_sentences_costs_no_time(many: str, groq: Double, settings: Settings) -> None:
    said = {"words": (many * 8000)[:8000], "ids": ["C5"] * 50}
    groq.play(answer({"summary": [said] * 50, "recommendations": ["R1"] * 200}))
    began = time.process_time()
    analysis = analysed(settings)
    assert time.process_time() - began < 3.0
    assert (analysis.analyzer, analysis.written is not None and analysis.written.by_model) == ("groq", [])


def test_a_key_of_ours_is_in_no_note(groq: Double, settings: Settings) -> None:
    groq.play(failure(500, KEY, message=KEY))
    assert KEY not in str(analysed(settings).note)
