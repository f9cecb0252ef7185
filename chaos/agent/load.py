"""Open-loop HTTP load: requests leave at times drawn beforehand, whether or not earlier ones were answered.

Users do not wait for each other. A closed loop does, and so sends least exactly while the target is slow, and
hides it (coordinated omission). Here each request is meant for a moment of `arrivals`
(`chaos.statistics.point_process`; poisson by default), and its latency counts from that moment.

`load.sampled`, exactly one for every intended request, with `at` its intended time:
- late_ms    how late we ourselves were with it: nothing that the target did is in it
- took_ms    from the intended time to the last byte of the response, or to giving up
- status     the response's, or null;  bytes: its body's
- error      null when answered; else a word of `chaos.probes.dial`, or `late`: by the time we got to it its
             timeout was over, so it was not sent (the target is not to blame, live windows skip it)
- queued_ms  only when it had to wait for one of the `connections`: the target held them all
- connect_ms only when a new connection was opened for it
- reopened   only when it was sent again, see `chaos.agent.pool`
A request failed when it has an error or a status from 400 on. `timeout_s` counts from the intended time as
well. Redirects are not followed.
"""

import asyncio
from random import Random
from typing import Any, Protocol

from chaos.agent.pool import Flight, Pool
from chaos.agent.ticks import Ticks
from chaos.agent.windows import Windows
from chaos.events import Clock
from chaos.probes.http1 import Request
from chaos.run_spec.parts import LoadSpec
from chaos.statistics import point_process
from chaos.statistics.latencies import TIMEOUT

OWN_FAILURES = frozenset({"late", "exhausted"})
"""What never left the generator, for a reason of its own."""


class Emit(Protocol):
    """The agent's journal."""

    def __call__(self, type_: str, at: float | None = None, /, **data: Any) -> None:
        """Write one event."""


class OpenLoop:
    """The load of one order. `clock` must be the one that `windows` is asked with; `seed` draws what is drawn."""

    def __init__(
        self,
        load: LoadSpec,
        emit: Emit,
        windows: Windows,
        clock: Clock | None = None,
        seed: int = 0,
    ) -> None:
        self._url = load.url
        self._request = Request.of(self._url, load.method, load.headers, load.body)
        self._rate = load.rate_per_s
        self._timeout_s = load.timeout_s
        self._connections = load.connections
        self._arrivals = load.arrivals
        self._use = load.connection_use
        self._seed = seed
        self._moments = point_process.of_the_load(self._arrivals, self._rate, seed)
        self._due = next(self._moments)
        self._emit = emit
        self._windows = windows
        self._clock = clock or Clock()
        self._began = 0.0
        self._sent = 0
        self._timers: dict[Flight, asyncio.TimerHandle] = {}
        self._landed = asyncio.Event()

    async def run(self, until: asyncio.Event) -> None:
        """Send until `until`, then wait for what is in flight, which no longer than the timeout can be."""
        pool = Pool(self._request, self._connections, self._use, Random(f"{self._seed} connections"))
        if self._arrivals == "poisson":
            self._windows.drawn_at(self._rate)
        self._began = asyncio.get_running_loop().time()
        self._started()
        try:
            async with Ticks(until) as ticks:
                while await ticks.reach(self._began + self._due):
                    self._send_due(pool)
            self._send_due(pool)
        finally:
            await self._all_landed()
            await pool.close()
            self._emit("load.ended", sent=self._sent)

    def _started(self) -> None:
        self._emit(
            "load.started",
            self._clock.at(self._began),
            url=self._url,
            rate_per_s=self._rate,
            arrivals=self._arrivals,
            connections=self._use,
            seed=self._seed,
        )

    def _send_due(self, pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        while (intended := self._began + self._due) <= (now := loop.time()):
            self._due = next(self._moments)
            flight = Flight(self._sent, intended, now, self._over, pool)
            self._sent += 1
            self._windows.request_began(flight.key, self._clock.at(intended))
            deadline = intended + self._timeout_s
            self._timers[flight] = loop.call_at(deadline, flight.give_up, "timeout")
            if now < deadline:
                pool.place(flight)
            else:
                flight.give_up("late")

    def _over(self, flight: Flight, status: int | None, error: str | None, size: int) -> None:
        self._timers.pop(flight).cancel()
        ended = asyncio.get_running_loop().time()
        self._count(flight, ended, status, error)
        self._emit(
            "load.sampled",
            self._clock.at(flight.intended),
            late_ms=_ms(flight.fired - flight.intended),
            took_ms=_ms(ended - flight.intended),
            status=status,
            error=error,
            bytes=size,
            **_unusual(flight),
        )
        if not self._timers:
            self._landed.set()

    def _count(self, flight: Flight, ended: float, status: int | None, error: str | None) -> None:
        if error == "late":
            self._windows.request_forgotten(flight.key)
        else:
            failed = status is None or status >= 400
            self._windows.request_ended(
                flight.key,
                self._clock.at(ended),
                failed=failed,
                timeout_s=self._timeout_s,
                timed_out=error == TIMEOUT,
            )

    async def _all_landed(self) -> None:
        while self._timers:
            self._landed.clear()
            await self._landed.wait()


def _unusual(flight: Flight) -> dict[str, Any]:
    """What is written only of the few requests that it is true of."""
    said: dict[str, Any] = {}
    if flight.queued_s:
        said["queued_ms"] = _ms(flight.queued_s)
    if flight.connect_s is not None:
        said["connect_ms"] = _ms(flight.connect_s)
    if flight.reopened:
        said["reopened"] = True
    return said


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
