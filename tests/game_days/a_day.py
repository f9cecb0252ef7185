"""A whole made-up game day: two stages, six runs of every kind, a follow-up, a decision after each, one not run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from chaos.analysis import judge
from chaos.analysis.result import Analysis, Metrics, Result
from chaos.explain import knowledge
from chaos.game_days.day import Day, DayDecision, Ran, StageRecord
from chaos.game_days.learnt import DayReport
from chaos.game_days.summing_up import summed_up
from chaos.verdict import Outcome, Verdict
from tests.report.a_run import events

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RUN_ID = "20261123-090000-payments-ab12cd"
ADVICE = knowledge.advice("any", "refused") or ""
"""One that the rules give."""


def moment(seconds: float) -> datetime:
    """That long after the day's begin."""
    return START + timedelta(seconds=seconds)


def run_id(experiment: str) -> str:
    return f"20261123-090000-{experiment}-000001"


def ran(experiment: str, verdict: Verdict | None, begin: float, length: float, **more: Any) -> Ran:
    outcome = Outcome.COMPLETED if verdict else None
    return Ran(
        **{
            "experiment": experiment,
            "run_id": run_id(experiment),
            "folder": run_id(experiment),
            "outcome": outcome,
            "verdict": verdict,
            "started_at": moment(begin),
            "ended_at": moment(begin + length),
            "why": f"{experiment} was looked at.",
            **more,
        }
    )


def result(experiment: str, verdict: Verdict, begin: float, **more: Any) -> Result:
    """A judged run under another name, moved to when it ran."""
    made = _judged()
    by = moment(begin) - datetime.fromisoformat(made.started_at)

    def moved(at: str | None) -> str | None:
        return at and (datetime.fromisoformat(at) + by).isoformat()

    steps = [
        step.model_copy(
            update={"injected_at": moved(step.injected_at), "recovered_at": moved(step.recovered_at)}
        )
        for step in made.steps
    ]
    states = list(made.steady_state)
    states[0] = states[0].model_copy(update={"verdict": verdict, "why": "12 of 2,000 samples were out of it"})
    said = {"steps": steps, "steady_state": states, "verdict": verdict, "experiment": experiment}
    times = {
        "started_at": moved(made.started_at),
        "ended_at": moved(made.ended_at),
        "run_id": run_id(experiment),
    }
    return made.model_copy(update={**said, **times, "analysis": analysis(), **more})


def analysis(severity: str = "low", *recommendations: str) -> Analysis:
    numbers = Metrics(
        cpu_peak=60.7, memory_peak=28.1, error_count=26, recovery_time_seconds=0.6, latency_p95=318.0
    )
    return Analysis.model_validate(
        {
            "analyzer": "rules",
            "summary": "Checkout kept answering while its network was slower.",
            "metrics": numbers,
            "severity": severity,
            "recommendations": list(recommendations),
        }
    )


def day(**more: Any) -> Day:
    first = StageRecord(
        name="one by one",
        started_at=moment(0),
        ended_at=moment(240),
        ran=(ran("network", Verdict.HELD, 2, 101), ran("memory", Verdict.HELD, 110, 101)),
        decisions=(
            DayDecision(go=True, by="verdicts", why="2 of 2 held", at=moment(240)),
            DayDecision(go=True, by="approval", why="all quiet", at=moment(290), who="ada"),
        ),
    )
    second = StageRecord(
        name="together",
        started_at=moment(291),
        ended_at=moment(530),
        ran=(
            ran("disk", Verdict.DEVIATED, 292, 101, why="“healthy” deviated under “slow network”."),
            ran("disk-again", Verdict.HELD, 400, 101, follow_up_of="disk"),
            ran(
                "kill",
                Verdict.INCONCLUSIVE,
                293,
                60,
                outcome=Outcome.NOT_INJECTED,
                why="The baseline was not steady.",
            ),
            ran("dns", None, 420, 100, ended_at=None, outcome=None, why="Its worker was killed."),
        ),
        decisions=(DayDecision(go=False, by="verdicts", why="“disk” deviated", at=moment(530)),),
    )
    known = {
        "run_id": RUN_ID,
        "name": "payments",
        "purpose": "Black Friday must not find what we could have found.",
        "digest": "sha256:0123",
        "participants": ("Ada", "Grace"),
        "notes": "Rehearsal.\nPager is off.",
        "commit": "c0ffee",
        "started_at": START,
        "ended_at": moment(531),
        "ended": "stopped",
        "why": "“disk” deviated, and the day stops on a deviation.",
        "stages": (first, second),
        "not_run": ("cpu",),
        "weights": {"disk": 2.0},
    }
    return Day.model_validate({**known, **more})


def results() -> dict[str, Result]:
    """Those of the runs that left one."""
    severe = analysis(
        "high", f"26 of 3,000 requests failed. {ADVICE}", "Add a circuit breaker before the inventory."
    )
    mild = analysis(
        "low", f"1 of 3,000 requests failed. {ADVICE}", "Before the inventory add a circuit breaker."
    )
    found = [
        result("network", Verdict.HELD, 2, analysis=mild),
        result("memory", Verdict.HELD, 110),
        result("disk", Verdict.DEVIATED, 292, analysis=severe),
        result("disk-again", Verdict.HELD, 400),
        result("kill", Verdict.INCONCLUSIVE, 293, outcome=Outcome.NOT_INJECTED),
    ]
    return {each.run_id: each for each in found}


def report(**more: Any) -> DayReport:
    return summed_up(day(**more), results(), {run_id("disk"): "../disk/report.html"})


def written(out: Path, found: Mapping[str, Result] | None = None) -> Path:
    """The folders of the runs as their flows leave them, and the day's own, still empty."""
    for each in (results() if found is None else found).values():
        folder = out / each.run_id
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(each.model_dump_json())
        (folder / "report.html").write_text("<!doctype html><title>run</title>")
    folder = out / RUN_ID
    folder.mkdir(parents=True)
    return folder


@cache
def _judged() -> Result:
    return judge(events())
