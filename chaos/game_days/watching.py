"""Watching of outside probes on a game day: what ends it early, and what lets the next stage start."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from math import floor
from random import Random
from types import MappingProxyType
from typing import Any, NoReturn

from chaos.errors import ProbeError
from chaos.manifests.models.game_day import ByProbe, DayStop, FromOutside
from chaos.units import DURATION


@dataclass(frozen=True, slots=True)
class Observation:
    """One look. `at` is the loop's time at which it began."""

    at: float
    good: bool
    saw: str


class _Outside:
    """Where a probe of a day looks: nothing but the network is there."""

    processes: MappingProxyType[str, Any] = MappingProxyType({})

    @property
    def windows(self) -> NoReturn:
        raise ProbeError("no load is seen from outside")

    def now(self) -> float:
        raise ProbeError("no load is seen from outside")

    async def run_command(self, command: Sequence[str], timeout_s: float) -> NoReturn:
        raise ProbeError("no command is run outside of a sandbox")


async def looks(watched: FromOutside) -> AsyncIterator[Observation]:
    """Look every `probe.every`, for as long as somebody asks. No look takes longer than its timeout, 1 s at most."""
    loop = asyncio.get_running_loop()
    began, every_s = loop.time(), watched.probe.every
    draw = Random().random if watched.probe.arrivals == "random" else (lambda: 0.0)
    while True:
        yield await _look(watched)
        # The next interval that has not begun: what was missed meanwhile is not made up for.
        number = floor((loop.time() - began) / every_s) + 1
        await asyncio.sleep(began + (number + draw()) * every_s - loop.time())


async def trips(stop: DayStop) -> str:
    """Wait until the tolerance has been broken for long enough; the sentence that says so."""
    bad_since: float | None = None
    async for look in looks(stop):
        if look.good:
            bad_since = None
            continue
        bad_since = look.at if bad_since is None else bad_since
        if look.at - bad_since >= stop.lasting:
            return (
                f"{words(stop)} was out of tolerance for {DURATION.format(round(look.at - bad_since, 3))}: "
                f"{look.saw}; wanted {stop.tolerance.tolerance()}"
            )
    raise AssertionError("looks never end")


async def watch(stops: Sequence[DayStop], trip: Callable[[str], None]) -> None:
    """Call `trip` with the first stop condition that is met, if any ever is."""
    tasks = [asyncio.create_task(trips(each)) for each in stops]
    if not tasks:
        return
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        trip(next(iter(done)).result())
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def is_well(gate: ByProbe) -> tuple[bool, str]:
    """Whether the tolerance held for long enough before the time was over, and the sentence."""
    saw = "nothing was seen"
    good_since: float | None = None
    try:
        async with asyncio.timeout(gate.within):
            async for look in looks(gate):
                saw = look.saw
                good_since = None if not look.good else look.at if good_since is None else good_since
                if good_since is not None and look.at - good_since >= gate.lasting:
                    return True, f"{words(gate)} was in tolerance for {DURATION.format(gate.lasting)}: {saw}"
    except TimeoutError:
        pass
    wanted = f"{gate.tolerance.tolerance()} for {DURATION.format(gate.lasting)}"
    return False, f"{words(gate)} was not {wanted} within {DURATION.format(gate.within)}; last: {saw}"


def words(watched: FromOutside) -> str:
    """What is looked at."""
    probe = watched.probe
    return f"{probe.type} {getattr(probe, 'url', None) or getattr(probe, 'port', '')}"


async def _look(watched: FromOutside) -> Observation:
    loop = asyncio.get_running_loop()
    began = loop.time()
    value, error = None, None
    try:
        value = await watched.probe.observe(_Outside())
    except ProbeError as failure:
        error = str(failure)
    took_s = loop.time() - began
    good = watched.tolerance.tolerance().accepts(value, error, took_s)
    return Observation(began, good, error or _seen(value or {}, took_s))


def _seen(value: Any, took_s: float) -> str:
    shown = ", ".join(f"{key} {value[key]}" for key in ("status", "connected") if key in value)
    return f"{shown} in {DURATION.format(round(took_s, 3))}"
