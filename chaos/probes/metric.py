"""Compute a metric over the last moments of load and usage."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isinf
from typing import Any, Literal

from chaos.errors import NotSeen, ProbeError
from chaos.probes.base import Context, Interval, Metric, Probe, Window

NO_ANSWER = "nothing but failures"
"""What a look at a latency says of a window in which nobody was answered."""


@dataclass(frozen=True, kw_only=True)
class MetricProbe(Probe):
    """Compute a metric over the last moments: of the load (latency, errors, throughput) or of usage."""

    type: Literal["metric"] = "metric"
    metric: Metric
    """What to compute. Latencies are durations, of answers and of timeouts, which took the load's `timeout` at least
    and are within no bound; what was refused or answered with an error at once has none. `…_with_failures` counts each
    failed request as the timeout at least. error_rate is a share of the requests, throughput a rate of good answers,
    cpu a share of one core (two busy cores are 200%), memory a share of the sandbox's memory."""
    window: Window = 1.0
    """How far back requests and usage count: at least 10 requests of the load, and no further than the baseline."""
    # Half the default window: every request is looked at twice, so no burst can hide between two looks.
    every: Interval = 0.5
    """Time between the intended starts of two looks."""

    @property
    def subject(self) -> str:
        """See Probe."""
        return self.metric

    async def observe(self, context: Context) -> Mapping[str, Any]:
        """`{"value": 0.31}` in base units: seconds, shares, per second. Raises NotSeen where there is no number.

        Raises ProbeError where there is no good latency: nothing but failures in the window.
        """
        value = context.windows.value(self.metric, self.window, context.now())
        if value is None:
            raise NotSeen("too few")
        if isinf(value):
            raise ProbeError(NO_ANSWER)
        return {"value": round(value, 6)}
