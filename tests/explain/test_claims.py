"""Statements are true: counted anew from the events, of every kind of run there is, and none speaks against another."""

import asyncio
import re
from pathlib import Path
from statistics import quantiles

import pytest

from chaos.analysis import judge
from chaos.analysis.moments import percent, seconds
from chaos.analysis.trials import shown
from chaos.events import Event
from chaos.explain.claims import claims
from chaos.explain.measured import STATS
from chaos.explain.model import analyze, gate, what_may_be_said
from chaos.explain.prompt import BUDGET, prompt
from chaos.explain.propositions import propositions
from chaos.explain.redaction import Redactor
from chaos.runs.journal import Journal
from chaos.settings import Settings
from tests.doubles.groq import Double, answer
from tests.explain.corpus import run
from tests.journals.telling import FAST, Telling

JOURNALS = sorted((Path(__file__).parents[1] / "journals").glob("*.ndjson"))


def texts(events: list[Event]) -> set[str]:
    return {claim.text for claim in claims(judge(events), events).values()}


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_every_run_has_its_statements_each_a_sentence_and_none_twice(journal: Path) -> None:
    events = list(Journal(journal).events())
    result = judge(events)
    choice, held = what_may_be_said(result, events), gate(result, events, Redactor())
    said = [*choice.claims.values(), *choice.causes.values()]
    assert len(set(said)) == len(said)
    assert all(re.fullmatch(r"[“A-Z0-9].*[.!?]", text) for text in said)
    assert {id for each in propositions(held.claims) if (id := each.claim)} <= set(choice.claims)
    assert prompt(result, shown(events, result), choice, Redactor()).tokens <= BUDGET
    assert any(f"The verdict is {result.verdict}." == text for text in said)


def test_counts_and_times_are_those_of_the_requests() -> None:
    _, events, _ = run("hurt")
    spans = {event.data["phase"]: event.at for event in events if event.type == "phase.started"}
    sent = [event for event in events if event.type == "load.sampled"]
    ends = {"baseline": spans["fault"], "fault": spans["recovery"], "recovery": 1e12}
    found = {
        phase: [each for each in sent if spans[phase] <= each.at < ends[phase]]
        for phase in ("baseline", "fault")
    }
    failed = [each for each in found["fault"] if each.data["error"]]
    took = sorted(each.data["took_ms"] for each in found["fault"] if not each.data["error"])
    said = texts(events)
    assert f"{len(failed)} of {len(found['fault'])} requests failed in the fault phase (49 %)." in said
    assert f"None of {len(found['baseline'])} requests failed in the baseline." in said
    p95_ms = quantiles(took, n=20, method="inclusive")[-1]
    assert f"The p95 latency of answers in the fault phase was {p95_ms:.0f} ms." in said
    assert all(each.data["error"] == "refused" for each in failed)
    assert (
        f"{len(failed)} of {len(found['fault'])} requests in the fault phase failed by a refused connection."
        in said
    )
    assert len(STATS) == 3


def test_what_a_held_excludes_is_said_as_the_result_has_it() -> None:
    events = Telling(states=[FAST]).events()
    [state] = judge(events).steady_state
    assert state.verdict == "held"
    assert state.noticed_share is not None
    assert state.noticed_delay_seconds is not None
    said = texts(events)
    share, delay = percent(state.noticed_share), seconds(state.noticed_delay_seconds)
    assert f"For “{state.name}”, {share} bad or more under the fault would have been noticed (95 %)." in said
    assert f"For “{state.name}”, {delay} more on every answer would have been noticed (95 %)." in said
    failing = texts(Telling(states=[FAST], failing=[(3.0, 6.0)]).events())
    assert not [
        text for text in failing if "would have been noticed (95 %)" in text and text.startswith("For")
    ]


def test_what_was_under_way_when_the_fault_phase_began_counts_once() -> None:
    slow = {(1.6, 6.1): 0.45}
    for event_texts in (texts(Telling(states=[FAST], slow=slow, failing=[(3.0, 5.0)]).events()),):
        [of_all] = [
            text for text in event_texts if re.match(r"\d+ of \d+ requests failed in the fault", text)
        ]
        [of_kind] = [text for text in event_texts if "failed by a refused connection" in text]
        assert of_all.split()[:3] == of_kind.split()[:3]


def test_a_change_has_a_direction_only_when_it_is_beyond_noise() -> None:
    small = texts(Telling(slow={(2.1, 6.1): 0.03}).events())
    large = texts(Telling(slow={(2.1, 6.1): 0.33}).events())
    assert "The p95 latency went from 12 ms in the baseline to 30 ms in the fault phase." in small
    assert "The p95 latency rose from 12 ms in the baseline to 330 ms in the fault phase." in large
    assert "The p95 latency fell from 330 ms in the fault phase to 12 ms in the recovery phase." in large


@pytest.mark.parametrize(
    ("story", "never"),
    [
        ("clock_jumped_back", r"latency|a second|after the fault|in place for"),
        ("clock_jumped_forward", r"latency|a second|after the fault|in place for"),
        ("generator_late", r"p95 latency|p50 latency"),
        ("control_only", r"(?<!before the fault and never bad )after the fault\b(?! in)|the fault landed"),
        ("no_samples", r"No steady state was bad|Every steady state"),
        ("deviated_recovers_then_relapses", r"Every steady state"),
        ("agent_killed", r"No process ended"),
    ],
)
def test_what_cannot_be_told_is_not_told(story: str, never: str) -> None:
    path = next(path for path in JOURNALS if path.stem == story)
    events = list(Journal(path).events())
    own = [
        claim
        for claim in claims(judge(events), events).values()
        if not re.match("“.*(held|inconclusive): ", claim.text)
    ]
    assert own
    assert not [
        claim.text for claim in own if re.search(never, claim.text) and "No times are told" not in claim.text
    ]


@pytest.mark.parametrize(
    "story", ["trials_deviated_in_one", "trials_held", "trials_deviated_without_the_fault_too"]
)
def test_a_series_is_explained_too(story: str, groq: Double, settings: Settings) -> None:
    path = next(path for path in JOURNALS if path.stem == story)
    events = list(Journal(path).events())
    groq.play(answer({"summary": [{"ids": ["C1"]}], "recommendations": ["R1"]}))
    analysis = asyncio.run(analyze(judge(events), events, settings))
    assert (analysis.analyzer, analysis.note) == ("groq", None)
