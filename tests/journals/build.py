"""Write every journal of this folder anew: `python -m tests.journals.build`.

One function tells one run and is named like its file; `tests/analysis/test_verdicts.py` says what each must be
judged.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.events import Event
from tests.journals.telling import (
    COMES_BACK,
    FAST,
    HEALTHY,
    INJECTED,
    KILL,
    RECOVERED,
    START,
    Telling,
    changed,
    drop,
    event,
    in_a_row,
    until,
)

HERE = Path(__file__).parent
STORIES: dict[str, Callable[[], bytes]] = {}


def story(tell: Callable[[], list[Event]]) -> Callable[[], list[Event]]:
    """Write what `tell` tells to a file of its name."""
    STORIES[tell.__name__] = lambda: b"".join(each.to_line() for each in tell())
    return tell


def _often(state: dict[str, Any]) -> dict[str, Any]:
    """The same state, looked at twenty times a second."""
    return state | {"probe": state["probe"] | {"every": 0.05}}


@story
def held() -> list[Event]:
    return Telling().events()


@story
def held_throughout() -> list[Event]:
    return Telling(states=[HEALTHY, FAST]).events()


@story
def held_after_a_short_outage() -> list[Event]:
    return Telling(down=[(3.0, 6.9)]).events()


@story
def held_within_budget() -> list[Event]:
    return Telling(states=[_often(HEALTHY) | {"budget": 0.05}], down=[(3.0, 3.04), (4.0, 4.04)]).events()


@story
def undecided_within_budget() -> list[Event]:
    return Telling(states=[HEALTHY | {"budget": 0.05}], down=[(3.0, 3.3)]).events()


@story
def deviated_diluted() -> list[Event]:
    """Down while the fault lasts and no longer: 39 % of all samples."""
    return Telling(states=[HEALTHY | {"budget": 0.5}], down=[(2.0, 6.1)]).events()


@story
def deviated_flaps() -> list[Event]:
    return Telling(
        states=[_often(COMES_BACK)], down=[(3.0, 6.5), (7.6, 7.7), (8.4, 8.5), (9.2, 9.3)]
    ).events()


@story
def a_blip_after_it_was_back() -> list[Event]:
    return Telling(states=[_often(COMES_BACK)], down=[(3.0, 6.5), (8.8, 8.84)]).events()


@story
def held_killed_and_back() -> list[Event]:
    return Telling(step=KILL, slow={}, down=[(2.1, 2.5)]).events()


@story
def deviated_during_the_fault() -> list[Event]:
    return Telling(states=[HEALTHY], down=[(3.0, 4.0)]).events()


@story
def deviated_slow() -> list[Event]:
    return Telling(slow={(INJECTED, RECOVERED): 1.4}).events()


@story
def deviated_fast_errors_are_not_fast() -> list[Event]:
    return Telling(states=[FAST], failing=[(3.0, 5.0)]).events()


@story
def deviated_over_budget() -> list[Event]:
    return Telling(states=[HEALTHY | {"budget": 0.05}], down=[(3.0, 4.0)]).events()


@story
def deviated_recovery_too_slow() -> list[Event]:
    return Telling(down=[(3.0, 8.5)]).events()


@story
def deviated_recovers_then_relapses() -> list[Event]:
    return Telling(down=[(3.0, 6.5), (8.6, 9.0)]).events()


@story
def deviated_never_recovers() -> list[Event]:
    return Telling(down=[(3.0, 20.0)]).events()


@story
def deviated_killed_and_gone() -> list[Event]:
    return Telling(step=KILL, slow={}, down=[(2.1, 20.0)]).events()


@story
def deviated_within_budget_but_never_back() -> list[Event]:
    return Telling(states=[HEALTHY | {"budget": 0.5}], down=[(8.0, 20.0)]).events()


@story
def baseline_off() -> list[Event]:
    events = until(Telling(down=[(0.5, 1.5)]).events(), 2.0)
    why = "healthy: 5 of 10 samples were not status 200"
    ended = event(2.1, "agent.ended", outcome="not_injected", why=why)
    return [*events, event(2.0, "baseline.judged", steady=False, why=why), ended]


@story
def baseline_off_but_the_agent_went_on() -> list[Event]:
    return Telling(down=[(0.5, 1.5)]).events()


@story
def injection_refused() -> list[Event]:
    about = {"step": "slow network", "fault": "network_delay"}
    why = "packets cannot be delayed here. netem: unknown qdisc kind"
    failed = event(2.1, "fault.failed", **about, stage="inject", why=why)
    ended = event(2.3, "agent.ended", outcome="not_injected", why=why)
    return [*until(Telling().events(), 2.05), failed, ended]


@story
def preparation_refused() -> list[Event]:
    about = {"step": "slow network", "fault": "network_delay"}
    why = "the clock of a process cannot be set here: the library was not compiled for vax"
    failed = event(-0.69, "fault.failed", **about, stage="inject", why=why)
    return [
        *until(Telling().events(), -0.65),
        failed,
        event(-0.6, "agent.ended", outcome="not_injected", why=why),
    ]


@story
def fault_did_not_land() -> list[Event]:
    return Telling(delivered_ms=150.0).events()


@story
def deviated_but_the_fault_did_not_land() -> list[Event]:
    return Telling(states=[HEALTHY], down=[(3.0, 4.0)], delivered_ms=650.0).events()


@story
def fault_without_samples() -> list[Event]:
    return drop(Telling().events(), lambda each: each.type == "fault.measured")


@story
def fault_cancelled_early() -> list[Event]:
    early = INJECTED + 1.0
    events = drop(
        Telling().events(),
        lambda e: e.type == "fault.recovered" or (e.type == "fault.measured" and e.at > START + early),
    )
    about = {"step": "slow network", "fault": "network_delay", "because": "held", "residue": []}
    ended = event(early, "fault.recovered", **about, began_at=START + early)
    return [*until(events, early), ended, *events[len(until(events, early)) :]]


@story
def fault_failed_while_held() -> list[Event]:
    events = changed(Telling().events(), "fault.recovered", because="failed")
    why = "the delay line ended by itself"
    about = {"step": "slow network", "fault": "network_delay", "stage": "hold", "why": why}
    return [*events[:-4], event(4.0, "fault.failed", **about), *events[-4:]]


@story
def residue() -> list[Event]:
    return Telling(residue=["nft table chaoslab"]).events()


@story
def bad_after_residue() -> list[Event]:
    return Telling(residue=["nft table chaoslab"], down=[(3.0, 20.0)]).events()


@story
def no_samples() -> list[Event]:
    return drop(
        Telling().events(), lambda each: each.type == "probe.sampled" and each.data["probe"] == "healthy"
    )


@story
def too_few_samples() -> list[Event]:
    return drop(
        Telling().events(),
        lambda e: (
            e.type == "probe.sampled" and e.data["probe"] == "healthy" and e.at > START + RECOVERED + 0.4
        ),
    )


@story
def a_hole_in_the_samples() -> list[Event]:
    states = [HEALTHY, FAST]
    return drop(
        Telling(states=states).events(),
        lambda e: e.type == "probe.sampled" and e.data["probe"] == "healthy" and 3.0 < e.at - START < 5.2,
    )


@story
def generator_late() -> list[Event]:
    return Telling(late_ms=80.0, slow={(INJECTED, RECOVERED): 1.4}).events()


@story
def generator_sends_bursts() -> list[Event]:
    return Telling(late_ms=300.0).events()


@story
def generator_sent_too_little() -> list[Event]:
    return drop(
        Telling().events(), lambda e: e.type == "load.sampled" and 3.0 < e.at - START < 5.0 and e.seq % 2 == 0
    )


@story
def clock_jumped_forward() -> list[Event]:
    return [
        Event(e.type, e.at + 30.0 if e.at > START + 4.0 else e.at, e.data, e.source, e.seq)
        for e in Telling().events()
    ]


@story
def clock_jumped_back() -> list[Event]:
    return [
        Event(
            e.type,
            e.at - 1.5 if e.at > START + 4.0 and e.source == "agent" else e.at,
            e.data,
            e.source,
            e.seq,
        )
        for e in Telling().events()
    ]


@story
def controller_lost() -> list[Event]:
    events = changed(until(Telling().events(), 5.0), "none")
    about = {"step": "slow network", "fault": "network_delay"}
    why = "no word from the controller for 15 s"
    return [
        *events,
        event(5.0, "controller.lost", why=why),
        event(5.1, "fault.recovered", **about, because="lease", began_at=START + 5.0, residue=[]),
        event(5.2, "phase.ended", phase="fault"),
        event(5.3, "agent.ended", outcome="aborted", why=why),
    ]


@story
def agent_killed() -> list[Event]:
    why = "the agent ended with exit code -9: no message"
    return [
        *until(Telling().events(), 4.5),
        event(4.6, "run.ended", source="host", outcome="crashed", why=why),
    ]


@story
def still_running() -> list[Event]:
    return until(Telling().events(), 8.0)


@story
def the_end_is_missing() -> list[Event]:
    return drop(
        Telling().events(), lambda each: each.type in ("agent.ended", "run.ended", "sandbox.destroyed")
    )


@story
def target_never_ready() -> list[Event]:
    why = "web: not ready after 30 s: connection refused"
    events = drop(until(Telling().events(), -0.3), lambda each: False)
    failed = event(29.0, "target.failed", process="web", why=why, log=[])
    return [*events, failed, event(29.1, "agent.ended", outcome="crashed", why=why)]


@story
def interrupted() -> list[Event]:
    about = {"step": "slow network", "fault": "network_delay"}
    return [
        *until(Telling().events(), 4.0),
        event(4.0, "stop.requested", why="interrupted"),
        event(4.1, "fault.recovered", **about, because="stopped", began_at=START + 4.0, residue=[]),
        event(4.2, "phase.ended", phase="fault"),
        event(4.3, "agent.ended", outcome="aborted", why="interrupted"),
    ]


@story
def stop_condition() -> list[Event]:
    return _stopped(Telling(slow={(INJECTED, RECOVERED): 0.9}))


@story
def stop_condition_and_deviated() -> list[Event]:
    return _stopped(Telling(states=[HEALTHY], down=[(3.0, 20.0)]))


@story
def stop_condition_within_budget() -> list[Event]:
    return _stopped(
        Telling(states=[COMES_BACK, HEALTHY | {"name": "mostly", "budget": 0.2}], down=[(3.2, 20.0)])
    )


def _stopped(telling: Telling) -> list[Event]:
    about = {"step": "slow network", "fault": "network_delay"}
    why = "not at most 50% for 3.0 s"
    return [
        *until(telling.events(), 4.5),
        event(4.5, "stop.tripped", condition="stop:0", why=why),
        event(4.6, "fault.recovered", **about, because="stop condition", began_at=START + 4.5, residue=[]),
        event(4.7, "phase.ended", phase="fault"),
        event(4.8, "agent.ended", outcome="aborted", why=f"stop condition: {why}"),
    ]


@story
def no_plan() -> list[Event]:
    return drop(Telling().events(), lambda each: each.type == "run.started")


@story
def too_coarse_to_tell() -> list[Event]:
    rare = {**COMES_BACK["probe"], "every": 1.0}
    return Telling(states=[COMES_BACK | {"probe": rare}], down=[(3.0, 8.05)]).events()


@story
def unknown_fault() -> list[Event]:
    events = Telling().events()
    plan = dict(events[0].data["plan"])
    plan["method"] = [{"name": "slow network", "fault": {"type": "meteor_strike"}, "hold_s": 4.0}]
    return changed(events, "run.started", plan=plan)


PAIR = {"trials": 2, "control": True}
NO_FAULT: dict[str, Any] = {"control": True, "slow": {}, "series": PAIR}


@story
def control_only() -> list[Event]:
    return Telling(control=True, slow={}).events()


@story
def trials_held() -> list[Event]:
    pairs = [
        Telling(series=PAIR),
        Telling(**NO_FAULT),
        Telling(**NO_FAULT, trial=2),
        Telling(series=PAIR, trial=2),
    ]
    return in_a_row([pair.events() for pair in pairs])


@story
def trials_deviated() -> list[Event]:
    """All six of six, and no control: by chance with 1.6 %, of each of two steady states."""
    asked = {"trials": 6, "control": True}
    runs = []
    for trial in range(1, 7):
        runs.append(Telling(trial=trial, series=asked, down=[(3.0, 8.5)]).events())
        runs.append(Telling(trial=trial, **NO_FAULT | {"series": asked}).events())
    return in_a_row(runs)


@story
def trials_deviated_in_one() -> list[Event]:
    bad = Telling(series=PAIR, trial=2, down=[(3.0, 8.5)])
    pairs = [Telling(series=PAIR), Telling(**NO_FAULT), Telling(**NO_FAULT, trial=2), bad]
    return in_a_row([pair.events() for pair in pairs])


@story
def trials_deviated_without_the_fault_too() -> list[Event]:
    states = [HEALTHY]
    bad = Telling(series=PAIR, states=states, down=[(3.0, 4.0)])
    also = Telling(**NO_FAULT, trial=2, states=states, down=[(3.0, 4.0)])
    pairs = [bad, Telling(**NO_FAULT, states=states), also, Telling(series=PAIR, trial=2, states=states)]
    return in_a_row([pair.events() for pair in pairs])


@story
def in_a_restart_loop() -> list[Event]:
    told = Telling(states=[COMES_BACK], step=KILL, slow={}, restarts=[2.4, 3.0, 4.2, 6.5, 9.8])
    left = {"process": "web", "pid": 10, "names": ["python3"], "processes": 1, "alive": 1, "kept": True}
    return [*told.events()[:-3], event(INJECTED, "process.left", **left), *told.events()[-3:]]


@story
def starved_by_the_machine() -> list[Event]:
    return Telling(states=[HEALTHY], slow={}, down=[(3.0, 4.4)], taken={(2.6, 4.6): 0.9}).events()


def torn() -> bytes:
    """`held`, cut in the middle of the line that says it ended."""
    whole = STORIES["held"]()
    return whole[: whole.index(b'"agent.ended"') + 5]


STORIES["torn"] = torn


def main() -> None:
    """Write them all."""
    for name, tell in STORIES.items():
        (HERE / f"{name}.ndjson").write_bytes(tell())


if __name__ == "__main__":
    main()
