"""What a stream is made of: a function of the journal alone, whoever reads it and however far it got."""

from pathlib import Path

import pytest

from chaos.events import Event
from chaos.journal import Journal
from flows.console.projecting import MOST_LINES_A_SECOND, Projector, Shown
from tests.lab import ROOT

JOURNALS = sorted((ROOT / "tests/journals").glob("*.ndjson"))[::6]


def shown(events: list[Event]) -> list[Shown]:
    projector = Projector()
    return [each for event in events for each in projector.take(event)]


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.stem)
def test_every_id_is_once_and_a_shorter_journal_has_the_same_ones(journal: Path) -> None:
    events = list(Journal(journal).events())
    whole = shown(events)
    assert len({each.id for each in whole}) == len(whole)
    for cut in (len(events) // 3, len(events) // 2, len(events) - 1):
        part = shown(events[:cut])
        assert part == whole[: len(part)]


def test_marks_are_words_and_frames_are_numbers() -> None:
    whole = shown(list(Journal(ROOT / "tests/journals/a_blip_after_it_was_back.ndjson").events()))
    assert {"frame", "mark"} <= {each.kind for each in whole}
    marks = [each.data["what"] for each in whole if each.kind == "mark"]
    assert marks.index("fault.injected") < marks.index("fault.recovered")
    frames = [each.data for each in whole if each.kind == "frame"]
    assert [each["t"] for each in frames] == sorted(each["t"] for each in frames)
    assert {each["phase"] for each in frames} == {"baseline", "fault", "recovery"}
    assert any(each.get("p95") for each in frames)
    assert any(each["probes"] for each in frames)


def _line(at: float, text: str) -> Event:
    return Event("log.captured", at, {"process": "web", "stream": "stderr", "line": text})


def test_lines_are_inert_and_of_too_many_only_the_number_is_told() -> None:
    (one,) = shown([_line(1.0, "\x1b[31mred\u202e<b>")])
    assert "\x1b" not in one.data["line"]
    assert "\u202e" not in one.data["line"]
    flood = shown([*(_line(5.0, "x") for _ in range(1000)), _line(6.0, "y")])
    assert len(flood) == MOST_LINES_A_SECOND + 2
    assert flood[-2].data == {"dropped": 1000 - MOST_LINES_A_SECOND}
