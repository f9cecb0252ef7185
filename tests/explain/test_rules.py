"""Rule-based words: every recommendation cites what was seen, and nothing seen means none."""

from collections.abc import Sequence
from typing import get_args

import pytest

from chaos.analysis import judge
from chaos.analysis.result import Analysis, Severity
from chaos.events import Event
from chaos.explain import ANALYZERS
from chaos.explain.evidence import symptoms
from chaos.explain.knowledge import advice
from chaos.explain.rules import analyze
from chaos.faults import FAULTS
from tests.journals import build
from tests.journals.telling import COMES_BACK, INJECTED, KILL, RECOVERED, Telling, event


def analysed(events: list[Event]) -> Analysis:
    return analyze(judge(events), events)


def seen(events: list[Event]) -> dict[str, str]:
    return {symptom.name: symptom.evidence for symptom in symptoms(judge(events), events)}


def test_a_clean_run_says_what_was_proven_and_how_far() -> None:
    analysis = analysed(build.held())
    assert analysis.severity == "low"
    assert "held under “slow network” (delay 301.2 ms of 300 ms asked)" in analysis.summary
    assert "None of 41 requests failed in the fault phase" in analysis.summary
    assert analysis.recommendations == [
        "Proven up to “slow network” (delay 301.2 ms of 300 ms asked). "
        "To find where it breaks, ask for more than it has been shown to stand."
    ]


def test_the_metrics_are_in_the_documented_units() -> None:
    metrics = analysed(build.held_after_a_short_outage()).metrics
    assert metrics.model_dump() == {
        "cpu_peak": 85.5,
        "memory_peak": 50.0,
        "error_count": 0,
        "recovery_time_seconds": 0.904,
        "latency_p95": 330.0,
    }


def test_failed_requests_are_cited_with_their_number_kind_and_time() -> None:
    analysis = analysed(build.deviated_fast_errors_are_not_fast())
    assert analysis.severity == "medium"
    assert (
        "like 2.0 s without the service that is asked for, < 0.1 % of what 99.9 % a month allows"
        in analysis.summary
    )
    assert analysis.metrics.error_count == 20
    cited = "20 of 41 requests failed (refused) during “slow network” (18:03:12–18:03:16Z). "
    assert analysis.recommendations[0].startswith(cited)


def test_timeouts_under_a_slow_network_get_the_advice_for_them() -> None:
    found = analysed(Telling(slow={(INJECTED, RECOVERED): 2.0}).events()).recommendations[0]
    assert found.startswith("40 of 41 requests failed (timeout) during “slow network”")
    assert "retry idempotent calls with backoff" in found


def test_errors_of_the_app_without_a_log_line_are_a_symptom_and_with_one_are_not() -> None:
    said = seen(answers_503())["silent"]
    assert said.startswith("the app answered 10 times with an error of its own during “slow network”")
    assert said.endswith(", and it wrote no log line")
    assert "silent" not in seen(answers_503(log=[(3.5, "ERROR checkout failed: connection refused")]))
    assert (
        "its one log line does not read like an error"
        in seen(answers_503(log=[(3.5, "GET /checkout")]))["silent"]
    )


def test_a_process_that_is_gone_need_not_log_that_nobody_reached_it() -> None:
    assert "silent" not in seen(Telling(failing=[(3.0, 4.0)]).events())


def answers_503(log: Sequence[tuple[float, str]] = ()) -> list[Event]:
    return [
        Event(e.type, e.at, {**e.data, "status": 503, "error": "http_503"}, e.source, e.seq)
        if e.type == "load.sampled" and e.data["error"]
        else e
        for e in Telling(failing=[(3.0, 4.0)], log=log).events()
    ]


def test_a_delay_paid_once_is_no_symptom_and_paid_often_is() -> None:
    assert seen(build.held()) == {}
    assert "4.6 times the delay" in seen(build.deviated_slow())["delay_multiplied"]


def test_requests_that_fail_after_the_fault_are_lingering() -> None:
    found = seen(Telling(failing=[(7.5, 8.0)]).events())
    assert (
        found["lingering"] == "5 requests still failed after “slow network” was over, the last 1.8 s after it"
    )


def test_a_process_that_crashed_and_stayed_down_is_critical() -> None:
    exited = event(3.0, "process.exited", process="web", pid=10, exit_code=1, signal=None, restart_in_s=None)
    events = [*Telling(states=[COMES_BACK], down=[(3.0, 20.0)]).events(), exited]
    assert seen(events)["crashed"].startswith("“web” ended with exit code 1 at 18:03:13Z")
    assert "was not started again" in seen(events)["stayed_down"]
    assert analysed(events).severity == "critical"


def test_the_kill_itself_is_not_a_crash() -> None:
    assert "crashed" not in seen(Telling(step=KILL, slow={}).events())


def test_processes_killed_for_memory_are_told_as_such() -> None:
    events = [*Telling().events(), event(4.0, "memory.killed", processes=1, by="kernel")]
    assert "for want of memory" in seen(events)["out_of_memory"]


def test_a_late_generator_gives_no_advice_on_latency() -> None:
    assert "delay_multiplied" not in seen(build.generator_late())


@pytest.mark.parametrize(
    ("story", "severity"),
    [
        ("deviated_never_recovers", "critical"),
        ("deviated_killed_and_gone", "critical"),
        ("deviated_recovery_too_slow", "high"),
        ("deviated_during_the_fault", "medium"),
        ("stop_condition", "high"),
        ("interrupted", "medium"),
        ("baseline_off", "medium"),
        ("fault_did_not_land", "medium"),
        ("held_within_budget", "low"),
    ],
)
def test_severity(story: str, severity: str) -> None:
    assert analysed(getattr(build, story)()).severity == severity


def test_a_run_that_proved_nothing_says_first_what_to_do_about_that() -> None:
    first = analysed(build.fault_did_not_land()).recommendations[0]
    assert first.startswith("“slow network” did not land: median 150.2 ms")
    assert "chaoslab doctor" in first
    assert "make the target steady first" in analysed(build.baseline_off()).recommendations[0]


@pytest.mark.parametrize("story", sorted(set(build.STORIES) - {"torn"}))
def test_every_run_gets_whole_sentences_and_at_most_seven_recommendations(story: str) -> None:
    analysis = analysed(getattr(build, story)())
    assert analysis.summary.endswith((".", "!"))
    assert "None %" not in analysis.summary
    assert len(analysis.recommendations) <= 7
    assert len(set(analysis.recommendations)) == len(analysis.recommendations)
    assert analysis.severity in get_args(Severity)


def test_an_empty_journal_is_analysed_without_a_number_made_up() -> None:
    metrics = analysed([]).metrics
    assert (metrics.cpu_peak, metrics.memory_peak, metrics.recovery_time_seconds, metrics.latency_p95) == (
        None,
    ) * 4


def test_a_fault_may_know_better_than_the_general_advice() -> None:
    assert advice("process_kill", "refused") != advice("any", "refused")
    assert advice("network_delay", "stayed_down") == advice("any", "stayed_down")
    assert advice("meteor_strike", "timeouts") == advice("any", "timeouts")
    assert advice("any", "unheard_of") is None
    assert advice("../any", "timeouts") == advice("any", "timeouts")


def test_every_fault_has_advice_of_its_own() -> None:
    for fault in FAULTS:
        assert any(
            advice(fault, name) != advice("any", name)
            for name in ("timeouts", "refused", "server_errors", "crashed")
        )


def test_rules_are_registered() -> None:
    assert set(ANALYZERS) == {"rules", "groq", "llm"}
