"""An OpenAI-compatible address instead of Groq: the same client and gate, its own key, and whatever form it knows."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from chaos.analysis import judge
from chaos.analysis.result import Analysis
from chaos.explain import chosen
from chaos.explain.model import analyze
from chaos.report.phrases import wrote
from chaos.settings import Settings
from tests.doubles.groq import KEY, Double, answer, failure, redirect
from tests.doubles.groq import groq as server
from tests.explain.test_analyze_verb import analyze as command
from tests.explain.test_analyze_verb import write
from tests.journals import build

GOOD = {"summary": [{"words": "", "ids": ["C5", "H1"], "join": "and"}], "recommendations": ["R1"]}
THEIRS = "sk-theirs"


@pytest.fixture
def theirs() -> Iterator[Double]:
    with server() as started:
        started.prefix, started.key, started.models = "/v1", THEIRS, ["qwen3:8b"]
        started.play(answer(GOOD))
        yield started


@pytest.fixture
def settings(theirs: Double, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        llm_base_url=f"{theirs.url}/v1/",
        llm_model="qwen3:8b",
        llm_api_key=SecretStr(THEIRS),
        groq_api_key=None,
        chaoslab_state_dir=tmp_path / "state",
    )


def analysed(settings: Settings, **changed: Any) -> Analysis:
    events = build.deviated_fast_errors_are_not_fast()
    return asyncio.run(analyze(judge(events), events, settings.model_copy(update=changed), "llm"))


def test_it_is_asked_like_groq_and_held_against_the_same_gate(theirs: Double, settings: Settings) -> None:
    analysis = analysed(settings)
    assert (analysis.analyzer, analysis.model, analysis.note) == ("llm", "qwen3:8b", None)
    assert "20 of 41 requests failed in the fault phase (49 %)." in analysis.summary
    assert analysis.cost_usd is None
    assert "a model by “llm” (qwen3:8b" in wrote(analysis)
    [asked] = theirs.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.json["response_format"]["type"] == "json_schema"
    assert not {"reasoning_effort", "include_reasoning"} & set(asked.json)


@pytest.mark.parametrize(("forms", "asked"), [(["json_object", ""], 2), ([""], 3)])
def test_a_server_that_knows_no_schema_is_asked_in_its_own_form(
    forms: list[str], asked: int, theirs: Double, settings: Settings
) -> None:
    theirs.forms = forms
    theirs.play(answer(f"<think>hm {{</think>Sure:\n```json\n{json.dumps(GOOD)}\n```"))
    assert analysed(settings).analyzer == "llm"
    assert len(theirs.asked) == asked
    last = theirs.asked[-1].json
    assert (last.get("response_format") or {}).get("type", "") == forms[0]


def test_a_key_is_sent_only_where_one_is_set_and_never_groqs(theirs: Double, settings: Settings) -> None:
    theirs.key = None
    analysis = analysed(settings, llm_api_key=None, groq_api_key=SecretStr(KEY))
    assert analysis.analyzer == "llm"
    assert KEY not in str(theirs.asked)
    assert "Authorization" not in theirs.asked[0].headers


def test_what_it_lacks_or_refuses_is_told_by_its_own_names(theirs: Double, settings: Settings) -> None:
    who = "the model server at 127.0.0.1"
    assert "LLM_BASE_URL is not set" in str(analysed(settings, llm_base_url=None).note)
    assert "LLM_MODEL is not set" in str(analysed(settings, llm_model=None).note)
    assert "LLM_BASE_URL is no address" in str(analysed(settings, llm_base_url="models.example/v1").note)
    wrong = analysed(settings, llm_api_key=SecretStr("sk-wrong"))
    assert f"{who} refused the key (401): check LLM_API_KEY" in str(wrong.note)
    note = str(analysed(settings, llm_model="gone").note)
    assert f"{who} does not serve “gone” (model_not_found): set LLM_MODEL to qwen3:8b" in note
    elsewhere = analysed(settings, llm_base_url=theirs.url)
    assert f"{who} has nothing there (404): LLM_BASE_URL ends with /v1" in str(elsewhere.note)
    theirs.play(failure(500))
    assert f"{who} failed (500)" in str(analysed(settings).note)
    with server() as other:
        theirs.play(redirect(f"{other.url}/v1/chat/completions"))
        assert "points to another address (307)" in str(analysed(settings).note)
        assert other.asked == []


def test_groq_stays_the_default() -> None:
    both = Settings(_env_file=None, groq_api_key=SecretStr(KEY), llm_base_url="http://127.0.0.1:1/v1")
    assert chosen("auto", both) == "groq"
    assert chosen("auto", both.model_copy(update={"groq_api_key": None})) == "llm"
    assert chosen("auto", both.model_copy(update={"groq_api_key": None, "llm_base_url": None})) == "rules"
    assert chosen("llm", both) == "llm"


def test_the_command_asks_it(theirs: Double, tmp_path: Path) -> None:
    journal = write(tmp_path / "journal.ndjson", build.deviated_fast_errors_are_not_fast())
    variables = {"LLM_BASE_URL": f"{theirs.url}/v1", "LLM_MODEL": "qwen3:8b", "LLM_API_KEY": THEIRS}
    done = command(journal, "--analyzer", "auto", **variables)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["analysis"]["analyzer"] == "llm"
