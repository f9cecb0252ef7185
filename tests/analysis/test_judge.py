"""What a result says beside its verdict, and how long judging may take."""

import json
import subprocess
import sys
import time

import pytest

from chaos.analysis import judge, series
from chaos.events import Event
from chaos.tolerances import UNJUDGED
from tests.journals.build import (
    held,
    held_after_a_short_outage,
    held_killed_and_back,
    no_plan,
    no_samples,
    stop_condition,
    trials_held,
)
from tests.journals.telling import FAST, HEALTHY, KILL, START, Telling, drop, until

SPEC_KEYS = {
    "run_id", "experiment", "digest", "seed", "outcome", "verdict", "steps", "steady_state", "analysis", "timings",
    "sandbox", "links",
}  # fmt: skip


def test_the_result_says_the_seed_of_the_whole_run() -> None:
    assert judge(held()).seed == 7
    assert judge(trials_held()).seed == 7
    assert judge(no_plan()).seed is None


def test_the_result_has_the_documented_keys() -> None:
    said = json.loads(judge(held()).model_dump_json())
    assert said.keys() >= SPEC_KEYS
    step, state = said["steps"][0], said["steady_state"][0]
    assert step.keys() >= {
        "name", "fault", "mechanism", "kind", "landed", "asked", "delivered", "injected_at", "recovered_at", "residue",
    }  # fmt: skip
    assert step["asked"]["delay_ms"] == 300.0
    assert step["delivered"] == {
        "delay_ms": 301.2,
        "jitter_ms": 0.2,
        "low": 301.1,
        "high": 301.3,
        "samples": 20,
        "effective": 15.0,
    }
    assert step["injected_at"] == "2025-11-22T18:03:12.100Z"
    assert step["recovered_at"] == "2025-11-22T18:03:16.100Z"
    assert state.keys() >= {
        "name", "verdict", "baseline_bad", "fault_bad", "recovery_bad", "samples", "recovery_time_seconds",
        "resolution_seconds", "why",
    }  # fmt: skip


def test_timings_and_sandbox_come_from_the_events() -> None:
    result = judge(held())
    assert result.timings.declared_s == 10.0
    assert result.timings.total_s == 11.5
    assert result.timings.sandbox_s == 0.2
    assert (result.sandbox.type, result.sandbox.id, result.sandbox.destroyed) == ("local", "box-1", True)


def test_recovery_is_measured_from_the_end_of_a_fault_that_is_held() -> None:
    state = judge(held_after_a_short_outage()).steady_state[0]
    assert state.recovery_time_seconds == 0.904
    assert state.resolution_seconds == 0.209  # one interval, one answer, and the 5 ms that the undo took


def test_recovery_is_measured_from_the_kill_itself() -> None:
    """Killed at 2.088 s, seen dead 2 ms later; first good look at 2.6 s, answered 4 ms later."""
    assert judge(held_killed_and_back()).steady_state[0].recovery_time_seconds == 0.516


def test_a_look_that_was_under_way_when_the_fault_began_is_the_faults() -> None:
    events = Telling(states=[HEALTHY | {"holds": "afterwards"}], step=KILL, slow={}).events()
    hanging = {"probe": "healthy", "late_ms": 0.1, "took_ms": 900.0, "value": None, "error": "closed"}
    events.append(Event("probe.sampled", START + 1.9, hanging))
    state = judge(events).steady_state[0]
    assert (state.baseline_bad, state.fault_bad, state.verdict) == (0, 1, "held")


def test_usage_peaks_are_of_the_whole_run() -> None:
    usage = judge(held()).usage
    assert (usage.cpu_peak_percent, usage.memory_peak_percent, usage.disk_peak_percent) == (
        85.5,
        50.0,
        {"/tmp": 25.0},
    )


def test_findings_name_steps_states_and_doubts() -> None:
    assert [finding.name for finding in judge(held()).findings] == ["slow network", "healthy", "fast"]
    assert judge(no_samples()).findings[1].verdict == "inconclusive"


def test_the_log_excerpt_prefers_errors_and_the_edges_of_the_fault() -> None:
    chatter = [(i / 10, f"GET /checkout {i} 200") for i in range(100)]
    result = judge(Telling(log=[*chatter, (5.0, "ERROR inventory timed out")]).events())
    lines = [line.line for line in result.log]
    assert len(lines) == 60
    assert "ERROR inventory timed out" in lines
    assert "GET /checkout 21 200" in lines


def test_a_run_cut_short_does_not_blow_up_its_share_of_bad_samples() -> None:
    """5 bad of 11 samples of the fault phase so far, of 20 planned: 25 %, not 45 %."""
    events = until(Telling(states=[HEALTHY | {"budget": 0.15}], down=[(3.0, 4.0)]).events(), 4.1)
    assert judge(events).steady_state[0].bad_share == 0.25


def test_a_late_generator_explains_bad_latency_and_nothing_else() -> None:
    slow = {(2.1, 6.1): 1.4}
    assert judge(Telling(states=[FAST], late_ms=80.0, slow=slow).events()).verdict == "inconclusive"
    assert judge(Telling(states=[FAST], late_ms=20.0, slow=slow).events()).verdict == "deviated"
    assert judge(Telling(states=[FAST], late_ms=80.0).events()).verdict == "held"
    assert judge(Telling(states=[HEALTHY], late_ms=80.0, down=[(3.0, 4.0)]).events()).verdict == "deviated"


def test_sockets_that_the_generator_lacked_are_no_failures_of_the_target() -> None:
    events = [
        Event(e.type, e.at, {**e.data, "status": None, "error": "exhausted"}, e.source, e.seq)
        if e.type == "load.sampled" and 3.0 < e.at - START < 3.2
        else e
        for e in Telling(slow={(2.1, 6.1): 1.4}).events()
    ]
    result = judge(events)
    assert result.verdict == "inconclusive"
    assert "ran out of sockets for 1 requests" in result.why
    assert result.load["fault"].errors == 0


def test_series_cover_the_phases_and_keep_the_extremes() -> None:
    shown = series(held())
    assert [name for name, _, _ in shown.phases] == ["baseline", "fault", "recovery"]
    assert shown.faults == [("slow network", START + 2.1, START + 6.1)]
    assert max(value for _, value in shown.cpu) == 85.5
    assert len(shown.latency) == 102
    assert [name for name, _ in shown.probes] == ["healthy", "fast"]


@pytest.mark.parametrize(("keep", "drawn"), [(1, True), (2, True), (4, False)])
def test_a_line_of_p95_is_never_that_of_the_slowest_requests(keep: int, drawn: bool) -> None:
    """10 requests a second, every `keep`th of them: the last 20 are of 2 s, 4 s, 8 s."""
    sampled = [each for each in held() if each.type == "load.sampled"][::keep]
    shown = series([*drop(held(), lambda each: each.type == "load.sampled"), *sampled])
    assert bool(shown.latency_p95) is drawn
    assert len(shown.latency_p95) < len(shown.latency_p50)
    for at, _ in shown.latency_p95:
        assert sum(at - 5.0 <= each.at < at for each in sampled) >= 20


def test_series_of_a_journal_without_phases_are_empty() -> None:
    assert series(drop(stop_condition(), lambda each: each.type != "run.started")).latency == []
    assert series([]).phases == []


def test_judging_a_run_of_100_s_takes_less_than_100_ms() -> None:
    events = _long_run()
    assert len(events) > 7000
    best = min(_timed(events) for _ in range(3))
    assert best < 0.1


def _long_run() -> list[Event]:
    """The small run, with as many samples as one of 100 s at 50 requests a second has."""
    events = []
    for e in Telling().events():
        copies = 34 if e.type in ("load.sampled", "probe.sampled", "usage.sampled") else 1
        events += [Event(e.type, e.at + copy * 1e-4, e.data, e.source, e.seq) for copy in range(copies)]
    return events


def _timed(events: list[Event]) -> float:
    began = time.process_time()  # a machine that does other things meanwhile does not count
    judge(events)
    return time.process_time() - began


def test_importing_the_judge_needs_pydantic_and_nothing_heavier() -> None:
    heavy = "{'yaml', 'jinja2', 'httpx', 'prefect', 'sqlalchemy', 'rich', 'click'}"
    code = f"import sys, chaos.analysis; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_looks_that_could_not_be_judged_are_neither_good_nor_bad() -> None:
    events = [
        Event(e.type, e.at, {**e.data, "value": None, "error": UNJUDGED}, e.source, e.seq)
        if e.type == "probe.sampled" and 30 < index < 200
        else e
        for index, e in enumerate(Telling(states=[HEALTHY]).events())
    ]
    result = judge(events)
    assert result.verdict == "inconclusive"
    assert "could not be judged" in result.why
