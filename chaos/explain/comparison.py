"""This run beside the one before it of the same experiment: what is better and what is worse, beyond noise.

A number has changed when its interval now has nothing in common with the one then, or the interval of the difference
does not contain 0; at a level that several numbers may be looked at. What so few requests cannot tell is not told, and
how large a difference that may be is said.
"""

import re
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

from pydantic import ValidationError

from chaos.analysis.intervals import CONFIDENCE, shares_differ
from chaos.analysis.moments import percent, seconds
from chaos.analysis.result import LoadSummary, Previous, Result
from chaos.analysis.trials_result import MedianOver, TrialNumber
from chaos.verdict import LATENCY_OF_ANSWERS, Outcome, Verdict

LEVEL = 0.99
"""Of the interval of a difference: several numbers are looked at, and together they may differ by chance in 5 %."""
MEMORY_BY = 5.0
"""The memory peak: by five points of the limit."""

_UNSEEN = ("p95 under fault", "errors under fault")
_MOST_BYTES = 64 * 2**20


def earlier(folder: Path, experiment: str) -> Result | None:
    """The newest result before that run's among the folders beside it; None when there is none that ended by itself."""
    for each in folders_before(folder, experiment):
        found = result_in(each)
        if found is not None and found.experiment == experiment and found.outcome is Outcome.COMPLETED:
            return found
    return None


def folders_before(folder: Path, name: str) -> Sequence[Path]:
    """The folders beside that one whose runs had the same name and began before, the newest first."""
    ours = re.compile(rf"\d{{8}}-\d{{6}}-{re.escape(name)}-[0-9a-f]{{6}}")
    if not ours.fullmatch(folder.name):
        return ()  # a journal that was moved elsewhere
    beside = folder.absolute().parent.iterdir()
    return sorted(
        (each for each in beside if ours.fullmatch(each.name) and each.name < folder.name), reverse=True
    )


def result_in(folder: Path) -> Result | None:
    """The result of that run; one of another version, or half of one, is none."""
    try:
        with (folder / "result.json").open("rb") as file:
            return Result.model_validate_json(file.read(_MOST_BYTES))  # half of one, when it is longer
    except (OSError, ValidationError):
        return None


def compare(result: Result, before: Result) -> Previous:
    """What changed from `before` to `result`."""
    changes = list(_changes(result, before))
    same = result.digest == before.digest
    return Previous(
        run_id=before.run_id,
        started_at=before.started_at,
        verdict=before.verdict,
        same_digest=same,
        changes=changes,
        unseen=_unseen(result, before),
    )


def told(previous: Previous) -> str:
    """The comparison as one sentence."""
    where = f"the run of {previous.started_at[:16].replace('T', ' ')} UTC"
    other = "" if previous.same_digest else " (of another version of the experiment or its app)"
    unseen = f" ({previous.unseen})" if previous.unseen else ""
    if not previous.changes:
        return f"As in {where}{other}: no difference that so many requests can show{unseen}."
    return f"Compared with {where}{other}: {'; '.join(previous.changes)}."


def _changes(result: Result, before: Result) -> Iterator[str]:
    if result.verdict is not before.verdict:
        yield f"{result.verdict} now, {before.verdict} then"
    if result.trials and before.trials and min(result.trials.planned, before.trials.planned) > 1:
        yield from _over_trials(result.trials.numbers, before.trials.numbers)
    elif (now := result.load.get("fault")) and (then := before.load.get("fault")):
        yield from _loads(now, then, alike=_alike(result, before))
    yield from _recoveries(result, before)
    peak, was = result.usage.memory_peak_percent, before.usage.memory_peak_percent
    if peak is not None and was is not None and abs(peak - was) >= MEMORY_BY:
        yield f"memory peaked at {percent(peak / 100)}, then {percent(was / 100)}"


def _alike(result: Result, before: Result) -> bool:
    """Whether their latencies are of the same requests."""
    return (result.rules < LATENCY_OF_ANSWERS) == (before.rules < LATENCY_OF_ANSWERS)


def _loads(now: LoadSummary, then: LoadSummary, *, alike: bool) -> Iterator[str]:
    """Only what its interval tells apart."""
    if alike and now.p95 is not None and then.p95 is not None and disjoint(bounds(now), bounds(then)):
        of = f"{_interval(now)} of {now.sent:,}", f"{_interval(then)} of {then.sent:,} requests"
        yield f"p95 latency under the fault {seconds(now.p95)} ({of[0]}), then {seconds(then.p95)} ({of[1]})"
    low, high = difference(now, then)
    if low > 0 or high < 0:
        yield f"{percent(now.error_rate)} of the requests failed under the fault, then {percent(then.error_rate)}"


def difference(now: LoadSummary, then: LoadSummary) -> tuple[float, float]:
    """The interval of the difference of the error rates; failures in clumps count as that many fewer."""
    counts = [(round(each.error_rate * _independent(each)), _independent(each)) for each in (now, then)]
    return shares_differ(*counts[0], *counts[1], LEVEL)


def _independent(load: LoadSummary) -> int:
    return load.sent if load.independent is None else load.independent


def _unseen(result: Result, before: Result) -> str:
    """How large a difference may be, unseen: of the medians over trials, or of the requests of two runs."""
    if result.trials and before.trials and min(result.trials.planned, before.trials.planned) > 1:
        found = list(_unseen_over_trials(result.trials.numbers, before.trials.numbers))
    else:
        now, then = result.load.get("fault"), before.load.get("fault")
        if not now or not then or not now.sent or not then.sent:
            return ""
        low, high = difference(now, then)
        found = [f"error rates may differ by up to {max(-low, high) * 100:.2g} points"]
        if _alike(result, before) and (apart_s := _apart(bounds(now), bounds(then))) is not None:
            found.append(f"p95 latencies by up to {seconds(apart_s)}")
    return ", ".join(found)


def _unseen_over_trials(now: Sequence[TrialNumber], then: Sequence[TrialNumber]) -> Iterator[str]:
    old = {number.name: number for number in then}
    for number in now:
        was = old.get(number.name)
        if was is None or number.name not in _UNSEEN:
            continue
        if (apart := _apart(_median_bounds(number.trials), _median_bounds(was.trials))) is not None:
            said = seconds(apart) if number.unit == "s" else f"{apart * 100:.2g} points"
            yield f"the median {number.name} may differ by up to {said}"


Bounds = tuple[float, float] | None


def bounds(load: LoadSummary) -> Bounds:
    """The 95 % interval of its p95; None without one."""
    return None if load.p95_low is None or load.p95_high is None else (load.p95_low, load.p95_high)


def _interval(load: LoadSummary) -> str:
    low, high = bounds(load) or (0.0, 0.0)
    return f"95 % interval {seconds(low)} to {seconds(high)},"


def disjoint(now: Bounds, then: Bounds) -> bool:
    """Two 95 % intervals without a common value: by chance in less than 1 %.

    Source: Schenker, Gentleman, On Judging the Significance of Differences by Examining the Overlap Between Confidence
    Intervals, The American Statistician 55 (2001)."""
    return now is not None and then is not None and (now[0] > then[1] or then[0] > now[1])


def _apart(now: Bounds, then: Bounds) -> float | None:
    """How far two values within such intervals may be from each other; None of what has none, or no end."""
    if now is None or then is None:
        return None
    apart = max(now[1] - then[0], then[1] - now[0])
    return apart if apart < inf else None


def _over_trials(now: Sequence[TrialNumber], then: Sequence[TrialNumber]) -> Iterator[str]:
    """Medians over all trials, as far as their intervals are of 95 % and disjoint."""
    old = {number.name: number for number in then}
    for number in now:
        was = old.get(number.name)
        if was is None or not disjoint(_median_bounds(number.trials), _median_bounds(was.trials)):
            continue
        yield f"{number.name} {_said(number)} in the median over trials, then {_said(was)}"


def _median_bounds(over: MedianOver) -> Bounds:
    if over.coverage < CONFIDENCE or over.low is None:
        return None
    return over.low, inf if over.high is None else over.high


def _said(number: TrialNumber) -> str:
    value = number.trials.median
    if value is None:
        return "never"
    if number.unit == "per_s":
        return f"{value:.3g}/s"
    return percent(value) if number.unit == "share" else seconds(value)


def _recoveries(result: Result, before: Result) -> Iterator[str]:
    """Of two runs only whether it came back: one recovery says nothing of the next one's time.

    Who was not seen good again by a run that was broken off, or looked too shortly to judge it, may well have been.
    """
    then = {state.name: state for state in before.steady_state}
    for state in result.steady_state:
        old = then.get(state.name)
        if old is None or state.resolution_seconds is None or old.resolution_seconds is None:
            continue
        new_s, old_s = state.recovery_time_seconds, old.recovery_time_seconds
        lost = state if new_s is None else old
        if (new_s is None) != (old_s is None) and lost.verdict is Verdict.DEVIATED:
            said = [
                ("not seen good again" if s is None else f"good again after {seconds(s)}")
                for s in (new_s, old_s)
            ]
            yield f"“{state.name}” was {said[0]}, then {said[1]}"
