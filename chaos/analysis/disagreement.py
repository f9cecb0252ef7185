"""Whether probe and load saw the same of one endpoint: if not, one of them was served by something else.

Both ask the same URL over the same time, so that equal shares of them should fail. Evenly spaced looks behind a round
robin see one backend only; connections that are kept open stay with one of several; a limit may be each client's own.
Then what is judged by one of them says nothing about the other. A look and a request failed when they got no answer, a
status from 400 on, or no answer within the shorter of the two timeouts. Tested phase by phase with Fisher's exact test,
two-sided, on as many independent ones as tell as much (`chaos.statistics.shares.clumping`). Source: Agresti,
Categorical Data Analysis, 3rd ed., section 3.5.1.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, lgamma

from chaos.analysis.record import Record
from chaos.analysis.timeline import PHASES, Timeline
from chaos.events import Event
from chaos.probes.http import HttpProbe
from chaos.run_spec.parts import LoadSpec, ProbeSpec
from chaos.statistics.latencies import Request
from chaos.statistics.shares import HICCUP_S, Marks, Tally, clumping

SIGNIFICANCE = 0.001
"""How often such a doubt may be raised by chance in one run, over all phases and probes together."""


def disagreements(record: Record, timeline: Timeline, found: Sequence[Request]) -> list[str]:
    """A doubt for each steady state whose looks and the load's requests failed differently, beyond chance."""
    started = record.first("load.started")
    if started is None or "seed" not in started.data:
        return []  # of a version that drew nothing: judged as it was
    load = record.plan.load or LoadSpec()
    states = [state for state in record.plan.steady_state if alike(state.probe, load)]
    doubts: list[str] = []
    for state in states:
        name, patience_s = state.name, min(state.probe.timeout or HttpProbe.timeout, load.timeout_s)
        looks = [
            (event.at, _look_failed(event, patience_s))
            for event in record.of("probe.sampled")
            if event.data.get("probe") == name and event.data.get("error") not in ("skipped", "unjudged")
        ]
        asked = [
            (each.at, each.failure is not None or each.took_s > patience_s) for each in found if each.sent
        ]
        doubts += _differences(name, sorted(looks), asked, timeline, SIGNIFICANCE / len(PHASES) / len(states))
    return doubts


def alike(asked: ProbeSpec, load: LoadSpec) -> bool:
    """Whether they ask for the very same."""
    probe = asked.of(HttpProbe)
    if probe is None:
        return False
    own = (probe.url, probe.method, probe.headers, probe.body)
    return own == (load.url, load.method, load.headers, load.body)


def _look_failed(event: Event, patience_s: float) -> bool:
    value = event.data.get("value")
    status = value.get("status") if isinstance(value, Mapping) else None
    late = float(event.data.get("took_ms") or 0.0) / 1000 > patience_s
    return late or not isinstance(status, int) or status >= 400


def _differences(
    name: str, looks: Marks, asked: Marks, timeline: Timeline, significance: float
) -> Iterator[str]:
    for span in timeline.spans:
        if span.name not in PHASES:
            continue
        seen = _tally([mark for mark in looks if span.start <= mark[0] < span.end], span.end - span.start)
        sent = _tally([mark for mark in asked if span.start <= mark[0] < span.end], span.end - span.start)
        if seen.count and sent.count and (chance := _chance(seen, sent)) <= significance:
            yield (
                f"probe and load disagree about the same URL in the {span.name} phase: {seen.bad} of {seen.count} "
                f"looks of “{name}” failed, but {sent.bad} of {sent.count} requests (by chance: "
                f"{chance:.1g}); they were not served alike"
            )


def _tally(marks: Marks, lasts_s: float) -> Tally:
    """As many as there are, and how many of them tell as much as one independent one."""
    failed = [bad for _, bad in marks]
    at_most = HICCUP_S * len(marks) / lasts_s if lasts_s > 0 else 1.0
    return Tally("", sum(failed), len(failed), 0.0, clumping(failed, at_most))


def _chance(one: Tally, other: Tally) -> float:
    """Two-sided: twice the smaller tail."""
    (bad, count), (bad_too, count_too) = (
        (round(each.bad / each.clumping), each.effective) for each in (one, other)
    )
    bad, bad_too = min(bad, count), min(bad_too, count_too)
    return min(1.0, 2 * min(_tail(bad, count, bad_too, count_too), _tail(bad_too, count_too, bad, count)))


def _tail(hits: int, count: int, hits_beside: int, count_beside: int) -> float:
    """The hypergeometric probability of at least so many `hits` among `count`, in logarithms: there may be many."""
    all_hits = hits + hits_beside
    ways = -_ways(count + count_beside, all_hits)
    most = min(count, all_hits)
    return sum(exp(ways + _ways(count, k) + _ways(count_beside, all_hits - k)) for k in range(hits, most + 1))


def _ways(count: int, chosen: int) -> float:
    return lgamma(count + 1) - lgamma(chosen + 1) - lgamma(count - chosen + 1)
