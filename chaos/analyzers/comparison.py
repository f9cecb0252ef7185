"""This run beside the one before it of the same experiment: what is better and what is worse, beyond noise.

A number has changed when the difference is more than the usual noise of short runs on a shared machine (the limits
below); what was measured too coarsely to tell is not told.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from chaos.measure.moments import percent, seconds
from chaos.measure.result import Previous, Result
from chaos.verdict import Outcome

LATENCY_BY, LATENCY_BY_S = 0.25, 0.02
"""p95 under the fault: by a quarter, and 20 ms."""
ERRORS_BY = 0.02
"""The error rate under the fault: by two points."""
RECOVERY_BY, RECOVERY_BY_S = 0.25, 0.1
"""The recovery time: by a quarter and 100 ms, and by more than both were known to."""
MEMORY_BY = 5.0
"""The memory peak: by five points of the limit."""

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
    )


def told(previous: Previous) -> str:
    """The comparison as one sentence."""
    where = f"the run of {previous.started_at[:16].replace('T', ' ')} UTC"
    other = "" if previous.same_digest else " (of another version of the experiment or its app)"
    if not previous.changes:
        return f"As in {where}{other}: nothing changed beyond noise."
    return f"Compared with {where}{other}: {'; '.join(previous.changes)}."


def _changes(result: Result, before: Result) -> Iterator[str]:
    if result.verdict is not before.verdict:
        yield f"{result.verdict} now, {before.verdict} then"
    now, then = result.load.get("fault"), before.load.get("fault")
    if now and then and now.p95 is not None and then.p95 is not None:
        if _moved(now.p95, then.p95, LATENCY_BY, LATENCY_BY_S):
            yield f"p95 latency under the fault {seconds(now.p95)}, then {seconds(then.p95)}"
        if abs(now.error_rate - then.error_rate) >= ERRORS_BY:
            yield f"{percent(now.error_rate)} of the requests failed under the fault, then {percent(then.error_rate)}"
    yield from _recoveries(result, before)
    peak, was = result.usage.memory_peak_percent, before.usage.memory_peak_percent
    if peak is not None and was is not None and abs(peak - was) >= MEMORY_BY:
        yield f"memory peaked at {percent(peak / 100)}, then {percent(was / 100)}"


def _recoveries(result: Result, before: Result) -> Iterator[str]:
    then = {state.name: state for state in before.steady_state}
    for state in result.steady_state:
        old = then.get(state.name)
        if old is None or state.resolution_seconds is None or old.resolution_seconds is None:
            continue
        new_s, old_s = state.recovery_time_seconds, old.recovery_time_seconds
        if new_s is None or old_s is None:
            if new_s != old_s:
                said = [("never" if s is None else f"after {seconds(s)}") for s in (new_s, old_s)]
                yield f"“{state.name}” was good again {said[0]}, then {said[1]}"
        elif _moved(
            new_s, old_s, RECOVERY_BY, max(RECOVERY_BY_S, state.resolution_seconds, old.resolution_seconds)
        ):
            yield f"“{state.name}” was good again after {seconds(new_s)}, then {seconds(old_s)}"


def _moved(now: float, then: float, share: float, least: float) -> bool:
    return abs(now - then) >= max(least, share * min(now, then))
