"""What the host saw of the agent forbids `held`, and its word that a journal was tampered with is the last one."""

import pytest

from chaos.analysis.judgement import judge
from chaos.events import Event
from tests.journals.telling import END, Telling, event


def told(*more: Event) -> list[Event]:
    """A run that held, with more of the host's before its end."""
    events = Telling().events()
    return [*events[:-1], *more, events[-1]]


def followed(silent_s: float, ahead_s: float, source: str = "host") -> Event:
    return event(3.0, "journal.followed", source, seq=7, silent_s=silent_s, ahead_s=ahead_s)


def test_without_anything_odd_it_holds() -> None:
    assert judge(told()).verdict == "held"
    assert judge(told(followed(0.4, 0.2), followed(2.9, -30.0))).verdict == "held"


@pytest.mark.parametrize(
    ("silent_s", "ahead_s", "words"),
    [
        (3.5, 0.0, "The agent wrote nothing for 3.5 s before 18:03:13Z by the host's clock: it stood still."),
        (0.0, 1.7, "The agent told of times that the host's clock had not reached, by 1.7 s."),
    ],
)
def test_what_the_host_saw_forbids_held(silent_s: float, ahead_s: float, words: str) -> None:
    result = judge(told(followed(silent_s, ahead_s)))
    assert (result.outcome, result.verdict, result.why) == ("completed", "inconclusive", words)


def test_only_the_host_says_so() -> None:
    assert judge(told(followed(60.0, 60.0, source="agent"))).verdict == "held"


def test_a_journal_that_was_tampered_with_is_nothing_else() -> None:
    why = "the journal was tampered with: line 12: not signed by the agent"
    tripped = event(1.0, "stop.tripped", condition="stop:0", why="p95 over 1 s")
    ended = Event(
        "run.ended", Telling().events()[-1].at, {"outcome": "crashed", "why": why, "tampered": True}, "host"
    )
    for events in (told(), told(tripped), told(event(END, "controller.lost", why="no word"))):
        result = judge([*events[:-1], ended])
        assert (result.outcome, result.verdict, result.exit_code) == ("crashed", "inconclusive", 5)
        assert result.why == "The journal was tampered with: line 12: not signed by the agent."
    forged = Event("run.ended", ended.at, {**ended.data, "outcome": "completed"}, "agent")
    assert judge([*told(), forged]).outcome == "completed"
