"""Latency of requests: which of them have one, and what the others count as.

Latency is of answers and of timeouts. A timeout took at least the client's limit: it counts as that, and is within no
bound. A request that was refused or answered with an error at once has no latency; it is in the error rate, and makes
nothing fast or slow. An error that came late was waited for: it counts as what it took where that makes latency worse,
and never where it would make it better. Where nothing but errors came for as long as a window is, nobody was answered,
and that is within no bound either. `WITH_FAILURES` is the other form: every failure counts as the timeout at least.

Pure, standard library only: the agent judges the baseline by the same rules.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import ceil
from typing import Any, NamedTuple

WITH_FAILURES = "_with_failures"
"""Ends the name of a latency in which each failure counts as at least the client's timeout."""
TIMEOUT = "timeout"
DEFAULT_TIMEOUT_S = 2.0
OWN_FAILURES = frozenset({"late", "exhausted"})
"""The generator was too late to send it, or had no socket left."""
QUANTILES = {
    f"latency_{name}{form}": share
    for form in ("", WITH_FAILURES)
    for name, share in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99))
}
"""Metric of latency -> its share."""
MIN_REQUESTS = 5
"""Of fewer in a window, no share and no latency is told."""


class Request(NamedTuple):
    """One request of the load."""

    at: float
    """Intended send time."""
    took_s: float
    """From then to the whole answer, or to giving up."""
    late_s: float
    """How much later than intended it was sent."""
    failure: str | None
    """`timeout`, `refused`, `http_503`, …; None for a good answer."""
    counted_s: float
    """What it counts as with failures: `took_s`, and at least the timeout when it failed."""
    sent: bool
    """False when it never left, for a reason of the generator's own."""

    @property
    def has_latency(self) -> bool:
        """Whether it was answered well, or not at all within its time."""
        return self.failure is None or self.failure == TIMEOUT


def request_of(at: float, said: Mapping[str, Any], timeout_s: float) -> Request:
    """One `load.sampled`: when it was meant to be sent, what is said of it, and the client's timeout."""
    took_s, error = float(said.get("took_ms") or 0.0) / 1000, said.get("error")
    failure = _failure(error, said.get("status"))
    counted_s = took_s if failure is None else max(took_s, timeout_s)
    late_s = float(said.get("late_ms") or 0.0) / 1000
    return Request(at, took_s, late_s, failure, counted_s, error not in OWN_FAILURES)


def _failure(error: object, status: object) -> str | None:
    """An error, no status at all, or a status of 400 and above."""
    if error:
        return str(error)
    if not isinstance(status, int):
        return "no answer"
    return f"http_{status}" if status >= 400 else None


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Nearest-rank percentile of sorted values; None of nothing."""
    # The tiny amount keeps 0.95 * 20 = 19.000000000000004 at rank 19.
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)] if ordered else None


def population(found: Sequence[Request], share: float) -> list[float]:
    """The sorted latencies of which that percentile is: answers and timeouts, with the errors where that is worse.

    Empty where there is neither answer nor timeout.
    """
    own = sorted(each.counted_s for each in found if each.has_latency)
    errors = [each.took_s for each in found if not each.has_latency]
    if not own or not errors:
        return own
    everything = sorted([*own, *errors])
    return max(own, everything, key=lambda values: percentile(values, share) or 0.0)


def unanswered(found: Sequence[Request], window_s: float) -> set[int]:
    """Indices (of requests by intended time) of errors in stretches of nothing but errors, as long as a window.

    A stretch lasts from its first request to the one after its last, and of fewer than five nobody can tell.
    """
    lost: set[int] = set()
    for has_latency, run in groupby(range(len(found)), key=lambda index: found[index].has_latency):
        stretch = list(run)
        if has_latency or len(stretch) < MIN_REQUESTS:
            continue
        after = stretch[-1] + 1
        until = found[after].at if after < len(found) else found[after - 1].at + found[after - 1].took_s
        if until - found[stretch[0]].at >= window_s - 1e-9:
            lost.update(stretch)
    return lost


def judged(found: Sequence[Request], within_s: float, window_s: float) -> list[tuple[Request, bool]]:
    """Of the requests, by intended time, those that a bound of latency counts, each with whether it is within it."""
    lost = unanswered(found, window_s)
    counted = []
    for index, each in enumerate(found):
        if each.failure is None:
            counted.append((each, each.took_s <= within_s))
        elif each.failure == TIMEOUT or index in lost or each.took_s > within_s:
            counted.append((each, False))
    return counted
