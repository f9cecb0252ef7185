"""Groq's words about a run, over the real SDK and a real socket: what is asked, what is accepted, and every failure."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from chaos.analyzers import rules
from chaos.analyzers.groq import analyze
from chaos.events import Event
from chaos.measure import judge
from chaos.measure.result import Analysis, Result
from chaos.settings import Settings
from tests.doubles.groq import Double, Play, answer, failure, hang_up, raw, silence
from tests.journals import build

GOOD = {
    "summary": "p95 latency rose from {baseline.latency_p95} to {fault.latency_p95} while the network was slow. "
    "{fault.errors} of {fault.requests} requests failed under the fault, all by refusal of the connection.",
    "severity": "high",
    "recommendations": [{"finding": "F1", "advice": "Retry the refused connections with jitter."}],
}


def told() -> tuple[Result, list[Event]]:
    events = build.deviated_fast_errors_are_not_fast()
    return judge(events), events


async def said(settings: Settings, **changed: Any) -> Analysis:
    result, events = told()
    return await analyze(result, events, settings.model_copy(update=changed))


def analysed(settings: Settings, **changed: Any) -> Analysis:
    return asyncio.run(said(settings, **changed))


def test_the_words_are_the_models_and_the_numbers_are_ours(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD))
    result, events = told()
    analysis = analysed(settings)
    assert analysis.analyzer == "groq"
    assert analysis.summary.startswith(result.why)
    assert "p95 latency rose from 12 ms to 330 ms while the network was slow." in analysis.summary
    assert "20 of 41 requests failed under the fault" in analysis.summary
    (recommendation,) = analysis.recommendations
    assert recommendation.startswith("20 of 41 requests failed (refused) during “slow network”")
    assert recommendation.endswith("Retry the refused connections with jitter.")
    assert analysis.metrics == rules.analyze(result, events).metrics
    assert (analysis.severity, analysis.sentences_dropped, analysis.note) == ("high", 0, None)


def test_the_result_says_model_tokens_cost_and_time(groq: Double, settings: Settings) -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 300, "total_tokens": 2300}
    groq.play(answer(GOOD, usage=usage))
    analysis = analysed(settings)
    assert analysis.model == "openai/gpt-oss-120b"
    assert analysis.tokens is not None
    assert analysis.tokens.model_dump() == {"prompt": 2000, "completion": 300}
    assert analysis.cost_usd == pytest.approx((2000 * 0.15 + 300 * 0.6) / 1e6)
    assert analysis.cost_usd < 0.01
    assert analysis.seconds is not None
    assert 0 < analysis.seconds < 15


def test_a_prompt_that_cost_more_than_estimated_is_told(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD, usage={"prompt_tokens": 9000, "completion_tokens": 1, "total_tokens": 9001}))
    assert "9000 tokens, more than the" in str(analysed(settings).note)


FAILURES: Mapping[str, tuple[Play, str]] = {
    "401": (failure(401, "invalid_api_key"), "check GROQ_API_KEY"),
    "403": (failure(403), "does not let this key use"),
    "404": (failure(404, "model_not_found"), "set GROQ_MODEL to openai/gpt-oss-120b or openai/gpt-oss-20b"),
    "decommissioned": (failure(400, "model_decommissioned"), "set GROQ_MODEL to openai/gpt-oss-120b"),
    "413": (failure(413, "request_too_large"), "too large"),
    "429 for long": (
        failure(429, headers={"retry-after": "300"}),
        "limit is used up (429); it asks to wait 300 s",
    ),
    "500": (failure(500), "Groq failed (500)"),
    "503": (failure(503), "Groq failed (503)"),
    "400": (failure(400, "json_validate_failed"), "refused the request (400, json_validate_failed)"),
    "html": (raw(b"<html>Bad gateway</html>", kind="text/html"), "no chat completion"),
    "broken json": (raw(b'{"choices": ['), "cannot be read"),
    "another json": (raw(b'{"hello": 1}'), "no chat completion"),
    "a list": (raw(b"[1]"), "no chat completion"),
    "no choice": (raw(b'{"choices": []}'), "no chat completion"),
    "prose": (answer("Here you are: it was slow."), "not answer in the agreed form, twice"),
    "wrong shape": (answer({"summary": 1, "severity": "huge"}), "not answer in the agreed form, twice"),
    "cut off": (answer('{"summary": "p95', finish_reason="length"), "cut off for its length"),
    "refusal": (answer(None, refusal="I cannot help with that."), "refused to answer"),
    "empty": (answer(""), "agreed form, twice"),
    "hung up": (hang_up(), "connection to Groq failed"),
    "lost in the middle": (hang_up(b'{"choices": [{"mess'), "connection to Groq failed"),
    "nothing verified": (
        answer(GOOD | {"summary": "Latency was 5 s.", "recommendations": []}),
        "could be verified",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_whatever_goes_wrong_the_rules_words_stay_with_a_note(
    name: str, groq: Double, settings: Settings
) -> None:
    play, why = FAILURES[name]
    groq.play(play)
    began = time.monotonic()
    analysis = analysed(settings)
    result, events = told()
    own = rules.analyze(result, events)
    assert why in str(analysis.note)
    assert str(analysis.note).endswith("these are the rules' words")
    assert analysis.model_copy(update={"note": None, "seconds": None}) == own
    assert time.monotonic() - began < 15


def test_a_silent_server_costs_the_time_that_was_given_and_no_more(groq: Double, settings: Settings) -> None:
    groq.play(silence())
    began = time.monotonic()
    analysis = analysed(settings, groq_timeout_s=1.5)
    assert 1.0 < time.monotonic() - began < 6
    assert "Groq" in str(analysis.note)
    assert analysis.analyzer == "rules"


def test_nobody_listening_is_told(settings: Settings) -> None:
    analysis = analysed(settings, groq_base_url="http://127.0.0.1:1")
    assert "connection to Groq failed" in str(analysis.note)


def test_a_retired_model_is_told_with_the_ones_to_use(groq: Double, settings: Settings) -> None:
    analysis = analysed(settings, groq_model="mixtral-8x7b-32768")
    assert "does not serve “mixtral-8x7b-32768” (model_not_found)" in str(analysis.note)
    assert "openai/gpt-oss-120b or openai/gpt-oss-20b, which it serves now" in str(analysis.note)


def test_only_models_that_are_served_are_named(groq: Double, settings: Settings) -> None:
    groq.models = ["another/model", "with [a](link)"]
    note = str(analysed(settings).note)
    assert "set GROQ_MODEL to another/model, which it serves now" in note
    assert "link" not in note


def test_a_short_wait_is_waited_and_then_it_goes_well(groq: Double, settings: Settings) -> None:
    groq.play(failure(429, headers={"retry-after": "1"}), answer(GOOD))
    assert analysed(settings).analyzer == "groq"
    first, second = groq.asked
    assert second.at - first.at >= 1.0


@pytest.mark.parametrize("first", [failure(500), failure(503), hang_up()])
def test_a_passing_failure_is_tried_again(first: Play, groq: Double, settings: Settings) -> None:
    groq.play(first, answer(GOOD))
    assert analysed(settings).analyzer == "groq"


def test_a_refused_key_is_not_tried_again(groq: Double, settings: Settings) -> None:
    assert "401" in str(analysed(settings, groq_api_key=SecretStr("gsk_wrong_key")).note)
    assert len(groq.asked) == 1


@pytest.mark.parametrize("first", ["no JSON", {"summary": "x"}, '{"summary": "p95'])
def test_an_answer_of_another_form_may_be_mended_once(first: Any, groq: Double, settings: Settings) -> None:
    groq.play(answer(first, finish_reason="length" if first == '{"summary": "p95' else "stop"), answer(GOOD))
    analysis = analysed(settings)
    assert analysis.analyzer == "groq"
    assert len(groq.asked) == 2
    assert "Answer again: only the JSON object." in groq.asked[1].text
    assert analysis.tokens is not None
    assert analysis.tokens.completion == 240


def test_a_model_without_strict_schemas_is_asked_for_json_and_validated_all_the_same(
    groq: Double, settings: Settings
) -> None:
    groq.play(answer(GOOD))
    analysis = analysed(settings, groq_model="qwen/qwen3.8-27b")
    assert (analysis.analyzer, analysis.cost_usd) == ("groq", None)
    assert groq.asked[0].json["response_format"] == {"type": "json_object"}


def test_without_a_key_that_was_asked_for_there_is_a_note(settings: Settings) -> None:
    assert "GROQ_API_KEY is not set" in str(analysed(settings, groq_api_key=None).note)


def test_runs_of_one_machine_take_turns(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD, after_s=0.15))

    async def many() -> list[Analysis]:
        return await asyncio.gather(*(said(settings, groq_concurrency=2) for _ in range(6)))

    assert {analysis.analyzer for analysis in asyncio.run(many())} == {"groq"}
    assert groq.busiest <= 2


def test_waiting_for_a_seat_counts_as_time(groq: Double, settings: Settings) -> None:
    groq.play(silence())

    async def two() -> list[Analysis]:
        return await asyncio.gather(
            *(said(settings, groq_concurrency=1, groq_timeout_s=1.0) for _ in range(2))
        )

    began = time.monotonic()
    assert all(analysis.note for analysis in asyncio.run(two()))
    assert time.monotonic() - began < 6
    assert groq.busiest <= 1


def test_severity_is_never_below_the_rules_and_at_most_one_above(groq: Double, settings: Settings) -> None:
    for asked, given in (("low", "medium"), ("medium", "medium"), ("high", "high"), ("critical", "high")):
        groq.play(answer(GOOD | {"severity": asked}))
        assert analysed(settings).severity == given


def test_advice_needs_a_finding_of_ours_and_a_topic(groq: Double, settings: Settings) -> None:
    given = [
        {"finding": "F9", "advice": "Add a timeout."},
        {"finding": "F1", "advice": "Paint it blue."},
        {"finding": "F1", "advice": "Set the timeout to 500 ms. Add a fallback."},
        {"finding": "F1", "advice": "Add a cache."},
    ]
    groq.play(answer(GOOD | {"recommendations": given}))
    analysis = analysed(settings)
    (recommendation,) = analysis.recommendations
    assert recommendation.endswith("Add a fallback.")
    assert analysis.sentences_dropped == 4
