"""The real Groq, when there is a key: it answers in time, for less than a cent, and every number shown is measured."""

import asyncio
import os

import pytest

from chaos.analysis import judge
from chaos.explain.model import analyze
from chaos.settings import Settings
from tests.journals import build

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not os.environ.get("GROQ_API_KEY"), reason="needs GROQ_API_KEY: it is about the real Groq"
    ),
]


@pytest.mark.parametrize("story", ["deviated_slow", "deviated_fast_errors_are_not_fast", "held"])
def test_it_explains_a_run(story: str) -> None:
    events = getattr(build, story)()
    result = judge(events)
    analysis = asyncio.run(analyze(result, events, Settings()))
    assert analysis.analyzer == "groq", analysis.note
    assert analysis.tokens is not None
    assert analysis.tokens.prompt <= 5000
    assert (analysis.cost_usd or 0) < 0.01
    assert (analysis.seconds or 99) < 10
    assert analysis.summary != result.why, f"nothing was verified; {analysis.sentences_dropped} dropped"
