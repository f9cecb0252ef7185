"""Claims about what was measured: the load of each phase and its changes, how requests failed, the machine, processes.

A change has a direction only when it is beyond noise: disjoint intervals, an interval of the difference without 0, or
twice as much. Otherwise it `went from` one number to another, which is true of any two.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.analysis.health import LATE_S
from chaos.analysis.latency import failures, requests
from chaos.analysis.moments import percent, seconds
from chaos.analysis.record import Record
from chaos.analysis.result import LoadSummary, Result
from chaos.analysis.timeline import Timeline
from chaos.events import Event
from chaos.explain.claims import WHERE, Claim, Direction
from chaos.explain.comparison import bounds, difference, disjoint
from chaos.explain.logged import sentences

STATS = ("p95", "p50", "p99")
APART, APART_S = 2.0, 0.05
"""Of few requests, which have no interval, a latency has changed when it is twice the other and 50 ms more."""
_HOW = {
    "timeout": "by a timeout",
    "refused": "by a refused connection",
    "reset": "by a reset connection",
    "closed": "by a closed connection",
}
_UNDER = r"(?: (?:under|during) the fault| in the fault phase)"
_LATENCY = r"(?:the )?(?:p ?95 )?(?:latency|latencies|response times?)"
_ROSE = "(?:rose|increased|went up|grew|climbed|got worse)"
_FELL = "(?:fell|decreased|went down|dropped|sank)"


def of_the_load(result: Result, events: Sequence[Event], *, timed: bool) -> Iterator[Claim]:
    """What those who asked the target saw; no times and rates unless the clock can be believed."""
    loads = {phase: load for phase in WHERE if (load := result.load.get(phase)) and load.sent}
    late_s = max((load.lateness_p99_s or 0.0 for load in loads.values()), default=0.0)
    if late_s > LATE_S:
        yield Claim(
            f"The load generator itself was late (p99 {seconds(late_s)}): latencies are partly its own."
        )
    stats = STATS if timed and late_s <= LATE_S else ()
    for phase in ("fault", "baseline", "recovery"):
        if phase in loads:
            yield _failed(phase, loads[phase])
    for before, after in (("baseline", "fault"), ("fault", "recovery")):
        if before in loads and after in loads:
            yield from _changes(before, loads[before], after, loads[after], stats)
            if timed:
                yield _throughput(before, loads[before], after, loads[after])
    if "fault" in loads:
        yield from _kinds(events, loads["fault"])
    for phase, load in loads.items() if timed else ():
        yield from _of_phase(phase, load, stats)


def _of_phase(phase: str, load: LoadSummary, stats: Sequence[str]) -> Iterator[Claim]:
    for stat in stats:
        if (value := getattr(load, stat)) is not None:
            text = f"The {_latency(stat, load)} {WHERE[phase]} was {seconds(value)}."
            yield Claim(text, phase, unit="s")
    yield Claim(f"{load.throughput:.3g} good answers a second came {WHERE[phase]}.", phase, unit="/s")


def _failed(phase: str, load: LoadSummary) -> Claim:
    if not load.errors:
        text = f"None of {load.sent:,} requests failed {WHERE[phase]}."
        also = f"no requests? failed{_UNDER}|nothing failed{_UNDER}"
    else:
        text = (
            f"{load.errors:,} of {load.sent:,} requests failed {WHERE[phase]} ({percent(load.error_rate)})."
        )
        also = f"(?:some )?requests failed{_UNDER}"
    return Claim(text, phase, also=also if phase == "fault" else "")


def _latency(stat: str, *loads: LoadSummary) -> str:
    """What of the requests a latency is of, where some failed."""
    if any(load.timeouts for load in loads):
        return f"{stat} latency of answers and timeouts"
    return f"{stat} latency of answers" if any(load.errors for load in loads) else f"{stat} latency"


def _changes(
    was: str, before: LoadSummary, now: str, after: LoadSummary, stats: Sequence[str]
) -> Iterator[Claim]:
    times = f"{WHERE[was]} to {{}} {WHERE[now]}."
    for stat in stats:
        old, new = getattr(before, stat), getattr(after, stat)
        if old is None or new is None or seconds(old) == seconds(new):
            continue
        apart = stat == "p95" and disjoint(bounds(before), bounds(after))
        apart = apart or max(old, new) >= max(APART * min(old, new), min(old, new) + APART_S)
        direction: Direction = ("up" if new > old else "down") if apart else ""
        text = f"The {_latency(stat, before, after)} {_went(direction)} from {seconds(old)} "
        text += times.format(seconds(new))
        yield Claim(text, now, direction=direction, unit="s", also=_also(_LATENCY, direction, now))
    if before.errors == after.errors == 0:
        return
    low, high = difference(after, before)
    direction = "up" if low > 0 else "down" if high < 0 else ""
    text = f"The share of failed requests {_went(direction)} from {percent(before.error_rate)} "
    also = _also("(?:the )?(?:error rate|errors|failures)", direction, now)
    yield Claim(text + times.format(percent(after.error_rate)), now, direction=direction, unit="%", also=also)


def _throughput(was: str, before: LoadSummary, now: str, after: LoadSummary) -> Claim:
    text = f"Good answers went from {before.throughput:.3g} a second {WHERE[was]} to {after.throughput:.3g} a second "
    return Claim(f"{text}{WHERE[now]}.", now, unit="/s")


def _went(direction: Direction) -> str:
    return {"up": "rose", "down": "fell", "": "went"}[direction]


def _also(what: str, direction: Direction, now: str) -> str:
    if not direction:
        return ""
    when = _UNDER if now == "fault" else "(?: after the fault| in the recovery phase)"
    return f"{what} {_ROSE if direction == 'up' else _FELL}{when}"


def _kinds(events: Sequence[Event], load: LoadSummary) -> Iterator[Claim]:
    """Under the fault, how many requests failed in which way."""
    record = Record(events)
    if (span := Timeline(record).span("fault")) is None:
        return
    # What was under way when the fault phase began is the fault's, as in the counts of the load.
    found = [
        each
        for each in requests(record)
        if each.sent and (span.start <= each.at < span.end or each.at < span.start < each.at + each.took_s)
    ]
    if len(found) != load.sent:
        return
    for kind, count in failures(found):
        status = kind.removeprefix("http_")
        how = _HOW.get(kind) or (f"with the answer {status}" if status != kind else f"by {kind}")
        also = {"timeout": f"requests timed out{_UNDER}", "refused": f"connections were refused{_UNDER}"}
        text = f"{count:,} of {len(found):,} requests in the fault phase failed {how}."
        yield Claim(text, "fault", also=also.get(kind, ""))


def of_the_machine(result: Result) -> Iterator[Claim]:
    """The highest usage."""
    usage = result.usage
    if usage.cpu_peak_percent is not None:
        share = percent(usage.cpu_peak_percent / 100)
        yield Claim(f"CPU peaked at {share} of one core over the run.", unit="%")
    if usage.memory_peak_percent is not None:
        share = percent(usage.memory_peak_percent / 100)
        yield Claim(f"Memory peaked at {share} of the sandbox's limit over the run.", unit="%")
    for path, full in usage.disk_peak_percent.items():
        text = f"The disk at “{path}” was {percent(full / 100)} full at most over the run."
        yield Claim(text, subject=path, unit="%")


def of_the_processes(result: Result, events: Sequence[Event]) -> Iterator[Claim]:
    """Which ended and which were started again while phases ran, and the errors that they logged."""
    record = Record(events)
    spans = Timeline(record).spans
    if spans:
        start, end = spans[0].start, spans[-1].end
        ended, started = (
            Counter(str(e.data.get("process")) for e in record.of(f"process.{what}") if start <= e.at < end)
            for what in ("exited", "started")
        )
        for what, counts in (("ended", ended), ("was started again", started)):
            for name, count in counts.items():
                times = f"{count} times" if count > 1 else "one time"
                yield Claim(f"“{name}” {what} {times} while the phases ran.", subject=name)
        if not ended:
            also = "(?:no process|nothing) (?:ended|crashed|died|was killed)"
            yield Claim("No process of the target was seen to end while the phases ran.", also=also)
    for text in sentences(result, events):
        yield Claim(text, "fault", alone=True)
