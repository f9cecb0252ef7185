"""Twelve runs and what their words must and must not say: a checklist for each, and one for all of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.analysis.result import Analysis, Result
from chaos.events import Event
from chaos.explain.rules import analyze
from chaos.report.console import closing_lines
from tests.journals import build
from tests.journals.telling import COMES_BACK, FAST, HEALTHY, Telling, changed, event

AWAY = {
    "name": "inventory away",
    "fault": {"type": "connection_refused", "process": "inventory"},
    "hold_s": 4.0,
}
"""A fault of another process than the load asks."""
NO_LIMIT = HEALTHY | {"holds": "afterwards"}


@dataclass(frozen=True)
class Judged:
    """What is expected of the words about one run."""

    events: Callable[[], list[Event]]
    severity: str
    says: Sequence[str] = ()
    """Each must be in the words."""
    keeps_quiet: Sequence[str] = field(default=())
    """None may be."""


def exited(at: float, **said: Any) -> Event:
    return event(
        at, "process.exited", **{"process": "web", "pid": 10, "exit_code": 1, "signal": None, **said}
    )


def nearly_all_failed() -> list[Event]:
    """All but one of the requests under the fault: 40 of 41."""
    return Telling(states=[COMES_BACK, FAST], failing=[(2.15, 6.2)]).events()


def ended_in_the_baseline_too() -> list[Event]:
    own = [
        exited(0.5, restart_in_s=0.1),
        event(0.6, "process.started", process="web", pid=20, restarts=1),
        exited(3.0, pid=20, restart_in_s=0.1),
        event(3.1, "process.started", process="web", pid=21, restarts=2),
    ]
    return [*Telling(states=[COMES_BACK], down=[(3.0, 3.4)]).events(), *own]


def never_got_over_its_start() -> list[Event]:
    own = [
        exited(3.0, restart_in_s=0.5),
        event(3.5, "process.started", process="web", pid=20, restarts=1),
        exited(4.0, pid=20, restart_in_s=1.0),
        event(5.0, "process.started", process="web", pid=21, restarts=2),
        event(5.2, "process.ready", process="web", took_s=0.2),
    ]
    return [*Telling(states=[COMES_BACK], down=[(3.0, 5.2)]).events(), *own]


def was_to_be_started_again() -> list[Event]:
    own = exited(5.0, restart_in_s=30.0)
    return [*Telling(states=[NO_LIMIT], down=[(5.0, 20.0)]).events(), own]


def full_before_the_fault() -> list[Event]:
    return [
        *changed(Telling(states=[HEALTHY], down=[(3.0, 4.0)]).events(), "usage.sampled", memory_percent=99.97)
    ]


def refused_all() -> list[Event]:
    """A fault of which there is no more to ask for."""
    events = Telling(states=[COMES_BACK]).events()
    return changed(events, "fault.injected", asked={"delay_ms": 300.0, "jitter_ms": 0.0, "loss_share": 1.0})


CHECKLIST: dict[str, Judged] = {
    "held": Judged(
        build.held, "low", ["None of 41 requests failed", "(of 41 answers"], ["without the service"]
    ),
    "nearly all failed, and it came back": Judged(
        nearly_all_failed,
        "medium",
        ["40 of 41 requests failed (98 %)", "like 4.0 s without the service"],
        ["never recovered", "p95 latency went"],
    ),
    "back too late": Judged(
        build.deviated_recovery_too_slow, "high", ["good again only 2.5 s", "Shorten the way back"], ["never"]
    ),
    "never back, and looked at for long enough": Judged(
        build.deviated_never_recovers,
        "critical",
        ["was not good again in the 4.1 s", "did not end with the fault", "Make recovery need no hand"],
        ["too short"],
    ),
    "not back, and not looked at for long": Judged(
        lambda: Telling(states=[NO_LIMIT], down=[(3.0, 20.0)]).events(),
        "high",
        ["which is too short to say that it never is", "Make the recovery phase longer"],
        ["Make recovery need no hand", "never recovered", "did not end with the fault"],
    ),
    "a restart that was going to happen": Judged(
        was_to_be_started_again,
        "high",
        ["was to be started again 30 s later, when the run was over", "Cap the back-off"],
        ["was not started again", "Give this process `restart: always`"],
    ),
    "it ends without the fault, too": Judged(
        ended_in_the_baseline_too,
        "medium",
        ["as it had once before the fault", "Find out why first"],
        ["Catch the failure where it happens"],
    ),
    "it does not get over its start": Judged(
        never_got_over_its_start,
        "medium",
        ["500 ms after its start", "It did not get over its start"],
        ["was not started again"],
    ),
    "the memory was full already": Judged(
        full_before_the_fault,
        "medium",
        [
            "Memory peaked at 99.97 % of the limit, and was at 99.97 % before the fault",
            "no headroom before",
        ],
        ["Leave headroom"],
    ),
    "all of it was asked for": Judged(
        refused_all,
        "low",
        ["There is no more of this fault to ask for"],
        ["ask for more than it has been shown"],
    ),
    "a kill that was survived": Judged(
        build.held_killed_and_back,
        "medium",
        ["kills 1 of 1 asked", "good again 516 ms"],
        ["never", "crashed"],
    ),
    "never ready": Judged(
        build.target_never_ready,
        "medium",
        ["The target never became ready", "not ready before any fault"],
        ["Proven up to", "make the target steady first"],
    ),
}


def told(events: list[Event]) -> tuple[Result, Analysis, str]:
    """Everything that a terminal shows of a run."""
    result = judge(events)
    analysis = analyze(result, events)
    lines = closing_lines(result.model_copy(update={"analysis": analysis}), Path("/nowhere"))
    return result, analysis, "\n".join(lines)


def test_there_are_twelve() -> None:
    assert len(CHECKLIST) == 12


@pytest.mark.parametrize("name", CHECKLIST)
def test_the_words_fit_the_run(name: str) -> None:
    wanted = CHECKLIST[name]
    _, analysis, words = told(wanted.events())
    assert analysis.severity == wanted.severity, words
    assert [part for part in wanted.says if part not in words] == [], words
    assert [part for part in wanted.keeps_quiet if part in words] == [], words


ODD: dict[str, str] = {
    "an empty part": r": ;|; ;|\(\)|: \.|  +\.|“”|: $",
    "a missing value": r"\bNone\b(?! of)|\bnan\b",
    "one of many": r"\b1 (?:times|lines|requests|samples|answers|timeouts|errors)\b",
    "all that is not all": r"\b(?!(\d+) of \1\b)\d+ of \d+ [a-z]+ (?:failed )?\(100 %\)",
    "no unit": r"latency (?:rose|went) from [\d.]+ to",
    "a percentile of nobody knows how many": r"p9[59] (?:latency )?(?:rose|went)(?:(?! to ).)*? to [\d.]+ m?s(?! \(of)",
    "a sentence that never ends": r"[a-z]\.\.(?!\.)|no number of",
    "two tenses": r"was were|is was|has had",
}


@pytest.mark.parametrize("story", [*CHECKLIST, *sorted(set(build.STORIES) - {"torn"})])
def test_nothing_reads_oddly(story: str) -> None:
    events = CHECKLIST[story].events() if story in CHECKLIST else getattr(build, story)()
    _, _, words = told(events)
    wrong = {name: found[0] for name, odd in ODD.items() if (found := re.search(odd, words, re.MULTILINE))}
    assert wrong == {}, words


def test_a_percentile_of_too_few_is_not_told() -> None:
    few = [each for each in Telling(states=[HEALTHY]).events() if each.type != "load.sampled"]
    kept = [each for each in Telling(states=[HEALTHY]).events() if each.type == "load.sampled"][::4]
    _, _, words = told(sorted([*few, *kept], key=lambda each: each.at))
    assert "p95" not in words
    assert "p99" not in words


def test_a_fault_without_amounts_leaves_no_empty_part() -> None:
    result = judge(build.held())
    step = result.steps[0].model_copy(update={"asked": {}, "why": "", "landed": False})
    lines = list(closing_lines(result.model_copy(update={"steps": [step]}), Path("/nowhere")))
    assert lines[1] == "  fault   slow network: NOT landed"
    step = step.model_copy(
        update={"asked": {"loss_share": 0.25, "rate_bytes_per_s": 1000.0, "mode": "refuse"}}
    )
    lines = list(closing_lines(result.model_copy(update={"steps": [step]}), Path("/nowhere")))
    assert lines[1] == "  fault   slow network: loss 25 %, rate 1,000 bytes/s, mode refuse; NOT landed"


def test_a_latency_that_failures_make_worse_says_so() -> None:
    events = Telling(states=[HEALTHY], failing=[(2.4, 6.2)]).events()
    slow = [
        Event(e.type, e.at, {**e.data, "took_ms": 400.0}, e.source, e.seq)
        if e.data.get("error") == "refused"
        else e
        for e in events
    ]
    _, _, words = told(slow)
    assert "(of 3 answers and 38 failures, which made it worse)" in words
