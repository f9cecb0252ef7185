"""Severity: how much users felt (share of failures, times how long, times whether it ended), by a table with a source.

What users felt is counted as seconds without service: half of the requests failing for ten seconds is five. The
limits are those of the alert on a fast burn in Google's Site Reliability Workbook (2018), chapter 5, for a service that
promises 99.9 % over 30 days: the burn rate 14.4 (2 % of the month's budget in an hour) over one hour, looked at over
its short window of five minutes; 1 is the rate that the promise allows. The same for all faults.

low        less than 0.3 s: below the rate 1, even in the five minutes around it
medium     less than 4.3 s
high       4.3 s or more: the five minutes around it burn at 14.4
critical   51.8 s or more after the fault had ended (2 % of the month), where not to come back counts for the hour that
           a person may need; or data was lost, which no time brings back
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chaos.analysis.latency import requests
from chaos.analysis.looks import PlannedSteadyState, looks_of
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import Result, Severity, Tested
from chaos.analysis.timeline import Timeline
from chaos.explain.coming_back import gone_for_good, looked_s
from chaos.statistics.latencies import Request
from chaos.verdict import Outcome, Verdict

BUDGET = 0.001
MONTH_S = 30 * 24 * 3600.0
HOUR_S, SHORT_S = 3600.0, 300.0
PAGE, ALLOWED = 14.4, 1.0
"""Burn rates."""
MEDIUM_S = ALLOWED * BUDGET * SHORT_S
HIGH_S = PAGE * BUDGET * SHORT_S
CRITICAL_S = PAGE * BUDGET * HOUR_S
_OF_USERS = frozenset({"http", "tcp"})
"""Probes that see what a user sees."""

Source = Sequence[tuple[float, bool]]
"""(when, bad) of requests or looks."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What users felt, in seconds without the service that is asked for."""

    under_s: float = 0.0
    after_s: float = 0.0
    """After the fault; an hour times the share, when it is certain that it does not come back."""
    back: bool = True
    """Whether it is not certain that it does not."""

    @property
    def total_s(self) -> float:
        """Both."""
        return self.under_s + self.after_s

    @property
    def sentence(self) -> str:
        """For people; empty when it is less than what is allowed anyway."""
        if self.total_s < MEDIUM_S:
            return ""
        if not self.back:
            return (
                f"To users the fault was like {seconds(self.under_s)} without the service that is asked for, and that "
                f"did not end with the fault: an hour of what came after it is {_spent(self.after_s)}."
            )
        lost = f"{seconds(self.total_s)} without the service that is asked for"
        return f"To users it was like {lost}, {_spent(self.total_s)}."


def _spent(lost_s: float) -> str:
    return f"{percent(lost_s / (MONTH_S * BUDGET))} of what 99.9 % a month allows"


def severity(result: Result, felt: Felt, seen: set[str]) -> Severity:
    """Of a run. One that proves nothing is medium: what it would have shown is not known."""
    stopped = result.outcome is Outcome.ABORTED and "stop condition" in result.why.lower()
    if result.verdict is Verdict.INCONCLUSIVE:
        return "high" if stopped else "medium"
    found = _by_table(felt)
    if result.verdict is Verdict.HELD:
        return "low" if found == "low" else "medium"  # it is what its hypothesis allows
    if "data_lost" in seen or found == "critical":
        return "critical"
    return "high" if found == "high" or stopped or seen & {"stayed_down", "writes_lost"} else "medium"


def _by_table(felt: Felt) -> Severity:
    if felt.after_s >= CRITICAL_S:
        return "critical"
    if felt.total_s >= HIGH_S:
        return "high"
    return "medium" if felt.total_s >= MEDIUM_S else "low"


def felt(result: Result, record: Record, timeline: Timeline, seen: set[str]) -> Felt:
    """By the requests or looks that show most; what the baseline had as well is not counted."""
    before, under, after = (timeline.span(name) for name in ("baseline", "fault", "recovery"))
    if before is None or under is None:
        return Felt()
    looked = looked_s(record, timeline)
    lost = any(gone_for_good(state, looked) for state in result.steady_state) or "stayed_down" in seen
    under_s = after_s = 0.0
    for source in _sources(result, record):
        usual = _bad(source, before.start, before.end)
        under_s = max(
            under_s, max(0.0, _bad(source, under.start, under.end) - usual) * (under.end - under.start)
        )
        if after is not None:
            share = max(0.0, _bad(source, after.start, after.end) - usual)
            after_s = max(after_s, share * (HOUR_S if lost else after.end - after.start))
    slow = {each.where: each.share for each in _tested(result)}
    under_s = max(under_s, slow.get("fault phase", 0.0) * (under.end - under.start))
    return Felt(round(under_s, 3), round(after_s, 3), back=not (lost and after_s))


def _bad(source: Source, start: float, end: float) -> float:
    found = [bad for at, bad in source if start <= at < end]
    return sum(found) / len(found) if found else 0.0


def _tested(result: Result) -> Iterator[Tested]:
    """Phases in which requests were out of tolerance: too slow, for example."""
    return (each for state in result.steady_state for each in state.tested if each.what == "requests")


def _sources(result: Result, record: Record) -> Iterator[Source]:
    """The load; the steady states that see what users see, or, where there is neither, all of them."""
    sent: list[Request] = [each for each in requests(record) if each.sent]
    if sent:
        yield [(each.at, each.failure is not None) for each in sent]
    states = [PlannedSteadyState.read(state, result.rules) for state in record.plan.get("steady_state") or ()]
    of_users = [state for state in states if state.probe in _OF_USERS]
    wanted = of_users if sent or of_users else [state for state in states if state.probe != "metric"]
    for looks in looks_of(record, wanted).values():
        yield [(look.at, not look.good) for look in looks]
