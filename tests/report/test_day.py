"""The page, the Markdown and the drawing of a game day: whole, self-contained, unmoved by hostile words."""

import base64
import re

import pytest

from chaos.game_days.day import DayDecision, StageRecord
from chaos.game_days.learnt import DayReport
from chaos.game_days.summing_up import summed_up
from chaos.report import day as page
from chaos.report.day_markdown import markdown
from chaos.report.day_timeline import draw_day
from chaos.verdict import Outcome, Verdict
from tests.game_days.a_day import START, analysis, day, moment, ran, report, result, run_id
from tests.report.test_html import HOSTILE, Tags


def hostile() -> DayReport:
    """A day with hostile words in everything that a person, an app or a model can write."""
    bad = result(HOSTILE, Verdict.DEVIATED, 5, analysis=analysis("critical", HOSTILE), hypothesis=HOSTILE)
    states = [state.model_copy(update={"name": HOSTILE, "why": HOSTILE}) for state in bad.steady_state]
    stage = StageRecord(
        name=HOSTILE,
        started_at=START,
        ran=(ran(HOSTILE, Verdict.DEVIATED, 5, 60, why=HOSTILE, run_id="x", flow_run="javascript:alert(1)"),),
        decisions=(DayDecision(go=False, by="approval", why=HOSTILE, at=moment(70), who=HOSTILE),),
    )
    words = {
        "purpose": HOSTILE,
        "notes": HOSTILE,
        "participants": (HOSTILE,),
        "why": HOSTILE,
        "commit": HOSTILE,
    }
    made = day(stages=(stage,), not_run=(HOSTILE,), **words)
    return summed_up(made, {"x": bad.model_copy(update={"steady_state": states})}, {})


def test_says_verdict_score_stages_decisions_and_people() -> None:
    text = page.render(report())
    for words in (
        "Deviated",
        "one by one",
        "together",
        "Go, by approval (ada): all quiet",
        "Rehearsal.",
        "Ada, Grace",
    ):
        assert words in text
    assert '<dd class="value">35</dd>' in text
    assert "of 100; 78 had the rest held" in text
    assert "<strong>Planned, and not run:</strong>" in text


@pytest.mark.parametrize("made", [report, hostile])
def test_is_whole_and_needs_nothing_else(made: object) -> None:
    text = page.render(made())  # type: ignore[operator]
    tags = Tags(text)
    assert tags.open == []
    assert not {name for name, _ in tags.found} & {"script", "img", "link", "iframe"}
    links = [found["href"] or "" for _, found in tags.found if "href" in found]
    assert all(link.startswith(("../", "http://", "https://")) for link in links)
    assert not re.search("[\x00-\x08\u202e\ud800]", text)


def test_one_row_a_run_one_sign_a_decision() -> None:
    drawing = draw_day(report())
    assert len(re.findall('<rect class="run ', drawing)) == 6
    assert len(re.findall('class="acting"', drawing)) == 5
    assert (drawing.count("▶ go"), drawing.count("■ no go")) == (2, 1)
    assert 'class="run unknown open"' in drawing
    assert "↳ disk-again" in drawing


def test_what_lies_in_time_lies_in_the_drawing() -> None:
    boxes = re.findall(
        r'<rect class="(?:run|acting)[^"]*" x="([\d.]+)%" y="\d+" width="([\d.]+)%"', draw_day(report())
    )
    assert all(float(x) + float(width) <= 100.01 for x, width in boxes)
    assert [float(x) for x, _ in boxes] != sorted({float(x) for x, _ in boxes})  # several at once


def test_a_day_on_which_nothing_ran_has_a_page_and_no_drawing() -> None:
    empty = summed_up(day(stages=(), why="Outside of its windows."), {}, {})
    assert draw_day(empty) == ""
    assert "Outside of its windows." in page.render(empty)
    assert "proved nothing" not in markdown(empty)


def test_a_day_that_held_says_so_plainly() -> None:
    runs = (ran("network", Verdict.HELD, 2, 101),)
    stages = (StageRecord(name="all", started_at=START, ended_at=moment(104), ran=runs),)
    held = day(stages=stages, not_run=(), ended="completed", why="")
    made = summed_up(held, {run_id("network"): result("network", Verdict.HELD, 2)}, {})
    text = page.render(made)
    assert "Everything that was planned ran and held: 1 experiment." in text
    assert "What did not hold" not in text
    assert (made.score.value, made.exit_code) == (100, 0)


def test_what_never_came_back_is_said_and_not_left_blank() -> None:
    made = result("network", Verdict.DEVIATED, 2)
    states = [state.model_copy(update={"recovery_time_seconds": None}) for state in made.steady_state]
    runs = (ran("network", Verdict.DEVIATED, 2, 101),)
    only = day(stages=(StageRecord(name="all", started_at=START, ran=runs),), not_run=())
    text = page.render(
        summed_up(only, {run_id("network"): made.model_copy(update={"steady_state": states})}, {})
    )
    assert '<dt>Recovered</dt><dd class="value">not by the end</dd><dd class="beside">network</dd>' in text
    assert 'data-label="Recovered in">not by the end<' in text


def test_the_markdown_has_a_picture_that_needs_nothing_else() -> None:
    text = markdown(report())
    found = re.search(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text)
    assert found
    assert base64.b64decode(found[1]).decode().startswith("<svg")
    assert "| together | ↳ disk-again | ✓ held |" in text
    assert "- **disk**: “healthy” deviated under “slow network”." in text


def test_hostile_words_cannot_break_the_markdown() -> None:
    text = markdown(hostile())
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"\|", rows[0])) for row in rows)
    assert not re.search("[\x00-\x08\u202e\ud800]", text)


def test_says_how_a_run_ended_when_it_did_not_complete() -> None:
    runs = (ran("a", Verdict.INCONCLUSIVE, 0, 1, outcome=Outcome.ABORTED, why="halted"),)
    stages = (StageRecord(name="all", started_at=START, ran=runs),)
    made = summed_up(day(stages=stages, not_run=(), ended="aborted", why="halted by ada"), {}, {})
    text = page.render(made)
    assert "Aborted." in text
    assert "“a” proved nothing." in text
    assert "Halted by ada." in text
