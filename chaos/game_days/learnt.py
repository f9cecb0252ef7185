"""Result of a game day: `day.json`, and all that its page, Markdown and JUnit file show. Times are UTC."""

from datetime import datetime

from pydantic import Field

from chaos.analysis.part import ResultPart
from chaos.analysis.result import Delivery, Links, Severity
from chaos.game_days.day import DayDecision, Ended
from chaos.game_days.score import Score
from chaos.verdict import Outcome, Verdict


class Acting(ResultPart):
    """When one fault was in place."""

    step: str
    fault: str
    start: datetime
    end: datetime


class BrokenSteadyState(ResultPart):
    """A steady state that did not hold."""

    name: str
    verdict: Verdict
    why: str


class DayRun(ResultPart):
    """One experiment of the day, with what its own report says."""

    stage: str
    experiment: str
    run_id: str | None
    outcome: Outcome | None
    """None when nobody was left to say."""
    verdict: Verdict | None
    why: str
    started_at: datetime
    ended_at: datetime | None
    flow_run: str | None
    follow_up_of: str | None
    digest: str | None = None
    """None, as all below is empty, when the run left no result."""
    hypothesis: str = ""
    severity: Severity | None = None
    summary: str = ""
    delivered: tuple[str, ...] = ()
    """What each fault was measured to do."""
    acting: tuple[Acting, ...] = ()
    steady_states: int = 0
    broken: tuple[BrokenSteadyState, ...] = ()
    recovery_s: float | None = None
    """The slowest steady state's; None when one never came back, or none was looked at."""
    never_recovered: bool = False
    """Whether one was never stably good again."""
    report: str | None = None
    """Its own page, relative to the day's."""


class DayStage(ResultPart):
    """One stage, and what was decided after it."""

    name: str
    started_at: datetime
    ended_at: datetime | None
    decisions: tuple[DayDecision, ...]


class DayTimings(ResultPart):
    """What the day took beside its runs."""

    decisions_s: float
    """From the ends of stages to what was decided after them: mostly people."""
    around_run_s: float | None
    """The median time that carrying out one experiment took beside its own run; None when no run left a result."""
    around_run_most_s: float | None
    """The longest."""


class Evidence(ResultPart):
    """Why one run says so."""

    experiment: str
    words: str
    """Empty when a model says it as part of its advice."""


class DayAdvice(ResultPart):
    """One thing to do, from however many runs say so."""

    what: str
    severity: Severity
    """Of the worst run that says so."""
    seen: tuple[Evidence, ...]

    @property
    def experiments(self) -> tuple[str, ...]:
        """Those that say so, each once."""
        return tuple(dict.fromkeys(each.experiment for each in self.seen))


class ExperimentChange(ResultPart):
    """One experiment beside itself on the day before this one."""

    experiment: str
    now: Verdict | None
    """None when it did not run on this day."""
    then: Verdict | None
    """None when it did not run on that day."""
    same_digest: bool | None
    """None when one of both has no result."""
    changes: tuple[str, ...]
    """Beyond noise."""


class DayComparison(ResultPart):
    """This day beside the last one of the same name that proved anything."""

    run_id: str
    started_at: datetime
    verdict: Verdict
    score: int
    at_most: int
    coverage: float
    same_digest: bool
    experiments: tuple[ExperimentChange, ...]
    """Those of which something changed."""
    told: str
    """All of it in one sentence."""


class DayReport(ResultPart):
    """`verdict` is about the systems and `why` its reason; `ended` is about the day and `ended_because` its reason."""

    run_id: str
    game_day: str
    purpose: str
    digest: str
    commit: str | None
    participants: tuple[str, ...]
    notes: str
    started_at: datetime
    ended_at: datetime | None
    ended: Ended | None
    ended_because: str
    verdict: Verdict
    exit_code: int
    why: str
    score: Score
    stages: tuple[DayStage, ...]
    runs: tuple[DayRun, ...]
    not_run: tuple[str, ...]
    recommendations: tuple[DayAdvice, ...]
    """The most pressing first."""
    timings: DayTimings
    previous: DayComparison | None = None
    links: Links = Links()
    delivery: dict[str, Delivery] = Field(default={})

    @property
    def until(self) -> datetime:
        """The last moment that is known of it."""
        moments = [each for run in self.runs for each in (run.started_at, run.ended_at)]
        moments += [decision.at for stage in self.stages for decision in stage.decisions]
        return max(each for each in (self.started_at, self.ended_at, *moments) if each is not None)
