"""Hand-made journals, one for each way a run can go, and what each must be judged."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.analysis import judge
from chaos.runs.journal import Journal
from chaos.verdict import Verdict
from tests.journals import build

FOLDER = Path(build.__file__).parent


@dataclass(frozen=True)
class Expected:
    outcome: str
    verdict: str
    exit_code: int
    why: str


def held(why: str = "held under") -> Expected:
    return Expected("completed", "held", 0, why)


def deviated(why: str) -> Expected:
    return Expected("completed", "deviated", 1, why)


def inconclusive(why: str) -> Expected:
    return Expected("completed", "inconclusive", 3, why)


def not_injected(why: str) -> Expected:
    return Expected("not_injected", "inconclusive", 3, why)


def aborted(why: str, verdict: str = "inconclusive") -> Expected:
    return Expected("aborted", verdict, 4, why)


def crashed(why: str) -> Expected:
    return Expected("crashed", "inconclusive", 5, why)


EXPECTED = {
    "in_a_restart_loop": inconclusive("Process “web” was in a restart loop when the run ended"),
    "starved_by_the_machine": inconclusive("the machine gave time to others that the app was ready to use"),
    "held": held("“slow network” (delay 301.2 ms of 300 ms asked)"),
    "held_throughout": held(),
    "held_after_a_short_outage": held(),
    "held_within_budget": held(),
    "undecided_within_budget": inconclusive(
        "2 of 20 samples (10 %) were bad in the fault phase, 5.0 % allowed, and 10 % cannot be excluded"
    ),
    "deviated_diluted": deviated(
        "20 of 20 samples (100 %) out of tolerance (status 200) in the fault phase, 50 % allowed"
    ),
    "deviated_flaps": deviated("but relapsed 3 times: 6 of "),
    "a_blip_after_it_was_back": inconclusive("so few may be what it does anyway"),
    "held_killed_and_back": held("“kill web” (kills 1 of 1 asked)"),
    "deviated_during_the_fault": deviated(
        "5 of 20 samples (25 %) out of tolerance (status 200) in the fault phase, first at 18:03:13Z"
    ),
    "deviated_slow": deviated("“fast” deviated: 40 of 41 requests (98 %) out of tolerance (at most 1s)"),
    "deviated_fast_errors_are_not_fast": deviated("“fast” deviated"),
    "deviated_over_budget": deviated(
        "25 %) out of tolerance (status 200) in the fault phase, 5.0 % allowed (by chance: 0.7 %)"
    ),
    "deviated_recovery_too_slow": deviated("good again only 2.5 s after the fault; 2.0 s are allowed"),
    "deviated_recovers_then_relapses": deviated(
        "good again 504 ms after the fault, but relapsed once: 2 of 18 samples since"
    ),
    "deviated_never_recovers": deviated(
        "not stably good again within 3.9 s after the fault, last bad at 18:03:20Z"
    ),
    "deviated_within_budget_but_never_back": deviated("not stably good again"),
    "deviated_killed_and_gone": deviated("not stably good again within 7.9 s"),
    "baseline_off": not_injected("The baseline was not steady: healthy: 5 of 10 samples"),
    "baseline_off_but_the_agent_went_on": inconclusive("out of tolerance (status 200) before any fault"),
    "injection_refused": not_injected("could not be injected: packets cannot be delayed here"),
    "preparation_refused": not_injected("could not be injected: the clock of a process cannot be set here"),
    "fault_did_not_land": inconclusive("“slow network” did not land: median 150.2 ms"),
    "deviated_but_the_fault_did_not_land": inconclusive("so this says nothing about the hypothesis"),
    "fault_without_samples": inconclusive("did not land: only 0 round trips were measured"),
    "fault_cancelled_early": inconclusive("ended early: after 1.0 s of 4.0 s"),
    "fault_failed_while_held": inconclusive("failed (hold): the delay line ended by itself"),
    "unknown_fault": inconclusive("this version does not know the fault"),
    "residue": inconclusive("left something behind: nft table chaoslab"),
    "bad_after_residue": inconclusive("left something behind: nft table chaoslab"),
    "no_samples": inconclusive("there is not one sample of it"),
    "too_few_samples": inconclusive("only 2 samples in the time after the fault; at least 3 are needed"),
    "a_hole_in_the_samples": inconclusive("no sample for 2.2 s (18:03:13–18:03:15Z) in the fault phase"),
    "too_coarse_to_tell": inconclusive("too little followed to call it stably good"),
    "generator_late": inconclusive(
        "was late in the baseline phase (p99 80 ms), which may explain what was seen: 40 of 41"
    ),
    "generator_sends_bursts": inconclusive("was late in the baseline phase (p99 300 ms)"),
    "generator_sent_too_little": inconclusive("asked requests were sent in the fault phase"),
    "clock_jumped_forward": inconclusive("recorded nothing for 30 s"),
    "clock_jumped_back": inconclusive("clock went back by 1.3 s"),
    "controller_lost": crashed("The controller was lost"),
    "agent_killed": crashed("The agent ended with exit code -9"),
    "still_running": crashed("The journal stops in the recovery phase"),
    "the_end_is_missing": crashed("never wrote that it had ended"),
    "torn": crashed("never wrote that it had ended"),
    "no_plan": crashed("run.started is missing"),
    "target_never_ready": crashed("The target never became ready: web: not ready after 30 s"),
    "control_only": inconclusive("There is no trial, only a control"),
    "trials_held": held(
        "Held in 2 of 2 trials and 2 of 2 controls, which leaves a failure probability of up to 78 %"
    ),
    "trials_deviated": deviated(
        "“healthy” deviated in 6 of 6 trials (95 % interval 61 % to 100 %) and in 0 of 6 controls, by chance with 1.6 %"
    ),
    "trials_deviated_in_one": inconclusive(
        "deviated in 1 of 2 trials and in 0 of 2 controls: chance alone makes such a difference with 50 %"
    ),
    "trials_deviated_without_the_fault_too": inconclusive(
        "deviated in 1 of 2 trials and in 1 of 2 controls (only in the trial of 1 pair, only in the control of 1): also"
    ),
    "interrupted": aborted("Stopped on request: interrupted"),
    "stop_condition": aborted("A stop condition tripped: not at most 50% for 3.0 s"),
    "stop_condition_and_deviated": aborted("A stop condition tripped", verdict="deviated"),
    "stop_condition_within_budget": aborted("A stop condition tripped"),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_journal_gets_its_verdict(name: str) -> None:
    result = judge(list(Journal(FOLDER / f"{name}.ndjson").events()))
    expected = EXPECTED[name]
    seen = Expected(result.outcome, result.verdict, result.exit_code, expected.why)
    assert seen == expected, result.why
    assert expected.why in result.why


def test_every_journal_is_expected_and_every_story_is_a_journal() -> None:
    files = {path.stem for path in FOLDER.glob("*.ndjson")}
    assert files == set(EXPECTED) == set(build.STORIES)


@pytest.mark.parametrize("name", sorted(build.STORIES))
def test_the_journals_are_what_their_stories_tell(name: str) -> None:
    assert (FOLDER / f"{name}.ndjson").read_bytes() == build.STORIES[name]()


@pytest.mark.parametrize("name", ["held", "held_throughout", "held_killed_and_back", "held_within_budget"])
def test_no_prefix_of_a_held_journal_is_held_until_its_end_is_there(name: str) -> None:
    events = list(Journal(FOLDER / f"{name}.ndjson").events())
    end = next(index for index, event in enumerate(events) if event.type == "agent.ended")
    for length in range(end + 1):
        result = judge(events[:length])
        assert result.verdict is not Verdict.HELD, f"the first {length} events"
        assert result.why
    assert judge(events[: end + 1]).verdict is Verdict.HELD


@pytest.mark.parametrize("name", ["held", "held_killed_and_back"])
def test_a_held_journal_that_lost_all_events_of_a_type_is_held_only_if_they_prove_nothing(name: str) -> None:
    events = list(Journal(FOLDER / f"{name}.ndjson").events())
    proves_nothing = {
        "agent.started", "load.started", "load.ended", "process.started", "process.exited", "process.ready",
        "target.ready", "sandbox.opened", "sandbox.destroyed", "run.ended",
    }  # fmt: skip
    for lost in {event.type for event in events} - proves_nothing:
        result = judge([event for event in events if event.type != lost])
        assert result.verdict is not Verdict.HELD, f"held without {lost}"


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_result_can_be_written_and_read_again(name: str) -> None:
    result = judge(list(Journal(FOLDER / f"{name}.ndjson").events()))
    assert type(result).model_validate_json(result.model_dump_json()) == result
