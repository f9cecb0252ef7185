"""Look at the target at times drawn beforehand, through one probe.

`probe.sampled`, one for every intended time at which there was something to see: `at` the intended time, `took_ms` from
it to the end of the look (so `at` + took is when the value was known), `late_ms` how much of that was our own lateness,
`value` or `error`. Slow looks overlap; when 64 are under way, the next is recorded with the error `skipped` instead of
being made, and one whose text cannot be judged in time with `unjudged`. No number is no bad number: a look that says
nothing about the target (NotSeen: a metric without enough in its window, no socket left to us) is no sample. What stays
unseen too long is found as a gap.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chaos.agent.load import Emit
from chaos.agent.ticks import Ticks
from chaos.errors import NotSeen, ProbeError
from chaos.events import Clock
from chaos.probes.base import Context, Probe
from chaos.statistics import point_process
from chaos.text.regex import TooMuch
from chaos.tolerances import UNJUDGED, Tolerance

MOST_IN_FLIGHT = 64
_TEXTS = ("body", "output")
_HEALTHY = Tolerance()


class OnSample(Protocol):
    """Hears of every sample as it is made."""

    def __call__(
        self, name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> None:
        """`at` is the intended time, Unix seconds."""


async def sample_forever(
    name: str,
    probe: Probe,
    clock: Clock,
    emit: Emit,
    on_sample: OnSample,
    context: Context,
    until: asyncio.Event,
    *,
    read_body: bool = True,
    tolerance: Tolerance = _HEALTHY,
    seed: int = 0,
) -> None:
    """Sample once in every `probe.every` until `until`, then wait for the looks under way (their own timeouts bound
    them).

    `read_body=False` leaves texts (HTTP bodies, command output) out of the journal, for a tolerance that
    reads none. Whether the text matches is judged here, once, and written down.
    """
    loop = asyncio.get_running_loop()
    looks = _Looks(name, probe, clock, emit, on_sample, context, () if read_body else _TEXTS, tolerance)
    began, moments = loop.time(), point_process.of_a_probe(probe.arrivals, probe.every, seed, name)
    async with asyncio.TaskGroup() as group, Ticks(until) as ticks:
        while await ticks.reach(due := began + next(moments)):
            if looks.in_flight < MOST_IN_FLIGHT:
                looks.in_flight += 1
                group.create_task(looks.look(due))
            else:
                looks.skip(due)


class _Looks:
    """The looks through one probe. Times are the loop's, in seconds."""

    def __init__(
        self,
        name: str,
        probe: Probe,
        clock: Clock,
        emit: Emit,
        on_sample: OnSample,
        context: Context,
        unwritten: Sequence[str],
        tolerance: Tolerance,
    ) -> None:
        self.in_flight = 0
        self._name = name
        self._probe = probe
        self._clock = clock
        self._emit = emit
        self._on_sample = on_sample
        self._context = context
        self._unwritten = unwritten
        self._tolerance = tolerance

    async def look(self, due: float) -> None:
        """One look, one sample."""
        loop = asyncio.get_running_loop()
        late_s = loop.time() - due
        value, error = None, None
        try:
            value = await self._probe.observe(self._context)
        except NotSeen:
            return
        except ProbeError as failure:
            error = str(failure)
        finally:
            self.in_flight -= 1
        took_s = loop.time() - due
        try:
            value = value and self._tolerance.judged_text(value)
        except TooMuch:
            value, error = None, UNJUDGED
        self._sampled(due, late_s, took_s, value, error)

    def skip(self, due: float) -> None:
        """One sample without a look."""
        late_s = asyncio.get_running_loop().time() - due
        self._sampled(due, late_s, late_s, None, "skipped")

    def _sampled(
        self, due: float, late_s: float, took_s: float, value: Mapping[str, Any] | None, error: str | None
    ) -> None:
        at = self._clock.at(due)
        self._emit(
            "probe.sampled",
            at,
            probe=self._name,
            late_ms=round(late_s * 1000, 3),
            took_ms=round(took_s * 1000, 3),
            value=value and {key: seen for key, seen in value.items() if key not in self._unwritten},
            error=error,
        )
        self._on_sample(self._name, at, value, error, took_s)
