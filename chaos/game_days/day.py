"""State of one game day: experiments that ran, decisions, and how the day ended."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from chaos.analysis.part import ResultPart
from chaos.verdict import Outcome, Verdict, worst

By = Literal["verdicts", "probe", "approval", "stop condition", "switch"]
Ended = Literal["completed", "stopped", "aborted", "crashed"]


class Ran(ResultPart):
    """One experiment of the day; times are UTC."""

    experiment: str
    run_id: str | None = None
    """None when it came to no run at all."""
    folder: str | None = None
    """The run's own folder, beside the day's."""
    outcome: Outcome | None = None
    """None while it runs, and when nobody was left to say; then `why` says so."""
    verdict: Verdict | None = None
    started_at: datetime
    ended_at: datetime | None = None
    why: str = ""
    flow_run: str | None = None
    """Its page in the Prefect UI."""
    follow_up_of: str | None = None
    """The experiment whose deviation called for this one."""


class DayDecision(ResultPart):
    """Whether the day went on, and what said so."""

    go: bool
    by: By
    why: str
    at: datetime
    who: str | None = None
    """Who approved or refused, as they called themselves."""


class StageRecord(ResultPart):
    """One stage, as far as it got."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None
    ran: tuple[Ran, ...] = ()
    decisions: tuple[DayDecision, ...] = ()
    """What was decided after it, in order: one for each gate that was asked."""


class Day(ResultPart):
    """A whole game day: the fold of `day.ndjson`, and all that its report is made of."""

    run_id: str
    name: str
    purpose: str
    digest: str
    """`sha256:…` of everything that can change what happens: the day's own spec and its experiments' digests."""
    participants: tuple[str, ...] = ()
    notes: str = ""
    commit: str | None = None
    started_at: datetime
    ended_at: datetime | None = None
    ended: Ended | None = None
    """`stopped` by a decision between or within stages, `aborted` by a stop condition, the switch or a person."""
    why: str = ""
    stages: tuple[StageRecord, ...] = ()
    not_run: tuple[str, ...] = ()
    """What was planned and never begun."""
    weights: dict[str, float] = Field(default={})
    """What an experiment counts in the score, where it is not 1; above zero."""

    @property
    def ran(self) -> tuple[Ran, ...]:
        """Every experiment that was begun, in the order of the stages."""
        return tuple(each for stage in self.stages for each in stage.ran)

    @property
    def verdict(self) -> Verdict:
        """Held only when all that was planned ran and held; deviated when anything did; else inconclusive."""
        learnt = worst(each.verdict or Verdict.INCONCLUSIVE for each in self.ran)
        if learnt is Verdict.HELD and (self.ended != "completed" or self.not_run):
            return Verdict.INCONCLUSIVE
        return learnt

    @property
    def exit_code(self) -> int:
        """0 held, 1 deviated, 3 inconclusive, 4 aborted, 5 crashed."""
        if self.ended in ("crashed", "aborted"):
            return 5 if self.ended == "crashed" else 4
        return {Verdict.HELD: 0, Verdict.DEVIATED: 1, Verdict.INCONCLUSIVE: 3}[self.verdict]
