"""What the last moments were like: sliding windows over requests and usage, for live metrics.

Which requests count. A request belongs to the window in which it ENDED, answered or not; one that is still in
flight belongs to every window. (By the time it was meant to be sent, a request slower than the window would
never be in one.)

Latency, in seconds from the intended send time, by nearest rank:
- of answers and timeouts, which count as the timeout at least; other failures only where they came so late that they
  make it worse (`chaos.statistics.latencies`). Infinite when nothing but failures ended;
- with failures: every failed request (no response, or a status from 400 on) counts as at least its timeout;
- a request in flight counts as its age as soon as that makes the answer worse: a hang shows while it lasts.

error_rate is failed / all, of the requests that ended in the window. throughput is good answers per second,
0.0 while nothing is answered; of a load that is drawn (`drawn_at`) it is the rate times the good share of what was due,
so that more or fewer arrivals by chance are no change of the app: due is what ended in the window, and what is in
flight for longer than any good answer in it took.
cpu is the mean share of one core, memory the highest share of the limit.
None: fewer than 5 requests to tell latency or error_rate from, no full window of load yet for throughput, no
usage sample.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from math import ceil, inf
from typing import NamedTuple

from chaos.statistics.latencies import MIN_REQUESTS, QUANTILES, WITH_FAILURES


class _Ended(NamedTuple):
    at: float
    took_s: float
    failed: bool
    timed_out: bool
    timeout_s: float

    @property
    def counted_s(self) -> float:
        """As at least its timeout, when it failed."""
        return max(self.took_s, self.timeout_s) if self.failed else self.took_s


class _Usage(NamedTuple):
    at: float
    cpu: float
    memory: float


class Windows:
    """Recent requests and usage. All times are Unix seconds of one `chaos.events.Clock`."""

    def __init__(self, keep_s: float = 60.0) -> None:
        self._keep_s = keep_s
        self._began: float | None = None
        self._drawn_rate: float | None = None
        self._ended: deque[_Ended] = deque()
        self._in_flight: dict[int, float] = {}
        self._usage: deque[_Usage] = deque()
        self._metrics: dict[str, Callable[[float, float], float | None]] = {
            **{name: partial(self._latency, name, share) for name, share in QUANTILES.items()},
            "error_rate": self._error_rate,
            "throughput": self._throughput,
            "cpu": self._cpu,
            "memory": self._memory,
        }

    def drawn_at(self, rate_per_s: float) -> None:
        """The load is drawn in time, at that mean rate."""
        self._drawn_rate = rate_per_s

    def request_began(self, key: int, intended: float) -> None:
        """A request was meant to be sent at `intended`; `key` names it until it ends."""
        self._began = intended if self._began is None else self._began
        self._in_flight[key] = intended

    def request_ended(
        self, key: int, at: float, *, failed: bool, timeout_s: float, timed_out: bool = False
    ) -> None:
        """It was answered or given up; `timed_out`: because its time was over."""
        took_s = at - self._in_flight.pop(key)
        self._ended.append(_Ended(at, took_s, failed, timed_out, timeout_s))
        while self._ended[0].at < at - self._keep_s:
            self._ended.popleft()

    def request_forgotten(self, key: int) -> None:
        """It was never sent, and the target is not to blame."""
        del self._in_flight[key]

    def used(self, at: float, cpu: float, memory: float) -> None:
        """One usage sample: `cpu` as a share of one core, `memory` as a share of the limit."""
        self._usage.append(_Usage(at, cpu, memory))
        while self._usage[0].at < at - self._keep_s:
            self._usage.popleft()

    def forget(self) -> None:
        """Begin anew: what has ended so far counts in no window; what is in flight still does."""
        self._began = None
        self._ended.clear()
        self._usage.clear()

    def value(self, metric: str, window_s: float, now: float) -> float | None:
        """The metric over the last `window_s`, in its base unit. A longer one than `keep_s` is kept on."""
        self._keep_s = max(self._keep_s, window_s)
        return self._metrics[metric](window_s, now)

    def _recent(self, window_s: float, now: float) -> Iterator[_Ended]:
        for request in reversed(self._ended):
            if request.at <= now - window_s:
                return
            yield request

    def _latency(self, metric: str, share: float, window_s: float, now: float) -> float | None:
        recent = list(self._recent(window_s, now))
        ages = [now - intended for intended in self._in_flight.values()]
        counts = metric.endswith(WITH_FAILURES)
        own = [each.counted_s for each in recent if counts or each.timed_out or not each.failed]
        errors = [] if counts else [each.took_s for each in recent if each.failed and not each.timed_out]
        if not own and len(errors) >= MIN_REQUESTS:
            return inf
        # Ages only bound from below what is to come: they may raise the answer and never lower it.
        told = [own, own + errors] if own and len(recent) >= MIN_REQUESTS else []
        if len(recent) + len(ages) >= MIN_REQUESTS and (own or ages):
            told.append(own + ages)
        return max((nearest_rank(values, share) for values in told), default=None)

    def _error_rate(self, window_s: float, now: float) -> float | None:
        failures = [request.failed for request in self._recent(window_s, now)]
        return sum(failures) / len(failures) if len(failures) >= MIN_REQUESTS else None

    def _throughput(self, window_s: float, now: float) -> float | None:
        if self._began is None or now - self._began < window_s:
            return None
        good = [request.took_s for request in self._recent(window_s, now) if not request.failed]
        if self._drawn_rate is None:
            return len(good) / window_s
        longest_s = max(good, default=0.0)
        overdue = sum(now - intended > longest_s for intended in self._in_flight.values())
        due = sum(1 for _ in self._recent(window_s, now)) + overdue
        return self._drawn_rate * len(good) / due if due else None

    def _recent_usage(self, window_s: float, now: float) -> list[_Usage]:
        return [usage for usage in self._usage if usage.at > now - window_s]

    def _cpu(self, window_s: float, now: float) -> float | None:
        recent = self._recent_usage(window_s, now)
        return sum(usage.cpu for usage in recent) / len(recent) if recent else None

    def _memory(self, window_s: float, now: float) -> float | None:
        return max((usage.memory for usage in self._recent_usage(window_s, now)), default=None)


def nearest_rank(values: list[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values) - 1e-9) - 1)]
