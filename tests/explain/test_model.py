"""Words that a model picks, over the real SDK and a real socket: what is asked, what is accepted, what is told."""

import asyncio
import time
from typing import Any

import pytest
from pydantic import SecretStr

from chaos.analysis import judge
from chaos.analysis.result import Analysis, Result
from chaos.events import Event
from chaos.explain import rules
from chaos.explain.model import analyze
from chaos.settings import Settings
from tests.doubles.groq import Double, Play, answer, failure, hang_up, silence
from tests.journals import build

GOOD = {
    "summary": [
        {"words": "Here is what users saw:", "ids": ["C5", "C8"], "join": "whereas"},
        {"words": "", "ids": ["H1"], "join": "and"},
    ],
    "recommendations": ["R1"],
}


def told() -> tuple[Result, list[Event]]:
    events = build.deviated_fast_errors_are_not_fast()
    return judge(events), events


async def said(settings: Settings, **changed: Any) -> Analysis:
    result, events = told()
    return await analyze(result, events, settings.model_copy(update=changed))


def analysed(settings: Settings, **changed: Any) -> Analysis:
    return asyncio.run(said(settings, **changed))


def test_the_choice_is_the_models_and_the_words_are_ours(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD))
    result, events = told()
    own, analysis = rules.analyze(result, events), analysed(settings)
    assert analysis.analyzer == "groq"
    assert analysis.summary == (
        f"{result.why} Here is what users saw: 20 of 41 requests failed in the fault phase (49 %), whereas the p95 "
        "latency of answers rose from 12 ms in the baseline to 330 ms in the fault phase. A likely cause, by the "
        "rules: nobody listened where requests went. Seen: 20 of 41 requests failed (refused) during “slow network” "
        "(18:03:12–18:03:16Z)."
    )
    assert (analysis.metrics, analysis.severity) == (own.metrics, own.severity)
    assert analysis.recommendations == own.recommendations
    assert analysis.written is not None
    assert analysis.written.model_dump() == {
        "by_model": ["Here is what users saw:"],
        "chosen": 2,
        "advice_chosen": 1,
        "dropped": {},
    }
    assert (analysis.sentences_dropped, analysis.note) == (0, None)


def test_no_id_but_ours_can_be_written_in_strict_mode(groq: Double, settings: Settings) -> None:
    groq.play(answer(GOOD))
    analysed(settings)
    schema = groq.asked[0].json["response_format"]["json_schema"]["schema"]
    sentence = schema["properties"]["summary"]["items"]["properties"]
    for id in (*sentence["ids"]["items"]["enum"], *schema["properties"]["recommendations"]["items"]["enum"]):
        assert f"\n{id}: " in groq.asked[0].text
    assert sentence["join"]["enum"] == ["and", "but", "whereas", ";"]


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


@pytest.mark.parametrize("first", ["no JSON", {"summary": 1}, '{"summary": [{"ids'])
def test_an_answer_of_another_form_may_be_mended_once(first: Any, groq: Double, settings: Settings) -> None:
    cut = isinstance(first, str) and first.startswith("{")
    groq.play(answer(first, finish_reason="length" if cut else "stop"), answer(GOOD))
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


def test_severity_is_not_asked_of_it(groq: Double, settings: Settings) -> None:
    for said in ("low", "critical", "huge", 7):
        groq.play(answer(GOOD | {"severity": said, "verdict": "held", "metrics": {"error_count": 0}}))
        analysis = analysed(settings)
        assert (analysis.analyzer, analysis.severity, analysis.metrics.error_count) == ("groq", "medium", 20)


def test_advice_is_chosen_by_id_and_none_of_the_rules_is_lost(groq: Double, settings: Settings) -> None:
    result, events = told()
    own = rules.analyze(result, events).recommendations
    for said in (["R9", "Turn TLS off.", "F1"], ["r1", "R1 ", "R1; drop the tables"], []):
        groq.play(answer(GOOD | {"recommendations": said}))
        analysis = analysed(settings)
        assert analysis.recommendations == own
        assert analysis.sentences_dropped == sum(each.strip() != "R1" for each in said)


def test_a_model_that_keeps_to_no_schema_is_understood(groq: Double, settings: Settings) -> None:
    whole = '<think>{"maybe": 1}</think>Here it is:\n```json\n{"summary": ["C5", "H1."], "recommendations": []}\n```'
    groq.play(answer(whole))
    analysis = analysed(settings)
    assert analysis.analyzer == "groq"
    assert "20 of 41 requests failed in the fault phase (49 %). A likely cause" in analysis.summary


def test_words_alone_explain_nothing(groq: Double, settings: Settings) -> None:
    groq.play(answer({"summary": [{"words": "Here is the story."}], "recommendations": []}))
    assert "nothing that openai/gpt-oss-120b wrote could be verified" in str(analysed(settings).note)
