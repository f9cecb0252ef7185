"""Watching of outside probes on a game day: what ends it early, and what lets the next stage start."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor
from random import Random
from types import MappingProxyType
from typing import Any, NoReturn

from chaos.errors import ProbeError
from chaos.manifests.models.game_day import ByProbe, DayStop, FromOutside
from chaos.probes.lasting import StopConditionState, Unbroken, lasted, seen, subject
from chaos.units import DURATION


@dataclass(frozen=True, slots=True)
class Observation:
    """One look. `at` is the loop's time that it was meant for."""

    at: float
    value: Mapping[str, Any] | None
    error: str | None
    took_s: float


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
    began = at = loop.time()
    every_s = watched.probe.every
    draw = Random().random if watched.probe.arrivals == "random" else (lambda: 0.0)
    while True:
        yield await _look(watched, at)
        # The next interval that has not begun: what was missed meanwhile is not made up for.
        number = floor((loop.time() - began) / every_s) + 1
        at = began + (number + draw()) * every_s
        await asyncio.sleep(at - loop.time())


async def trips(stop: DayStop) -> str:
    """Wait until the tolerance has been broken for long enough; the sentence that says so."""
    condition = StopConditionState(words(stop), stop.tolerance.tolerance(), stop.lasting)
    async for look in looks(stop):
        if why := condition.sample(look.at, look.value, look.error, look.took_s):
            return why
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
    tolerance, good = gate.tolerance.tolerance(), Unbroken()
    try:
        async with asyncio.timeout(gate.within):
            async for look in looks(gate):
                saw = seen(look.value, look.error, look.took_s)
                is_good = tolerance.accepts(look.value, look.error, look.took_s)
                if lasted(good.take(look.at, goes_on=is_good), gate.lasting):
                    return True, f"{words(gate)} was in tolerance for {DURATION.format(gate.lasting)}: {saw}"
    except TimeoutError:
        pass
    wanted = f"{tolerance} for {DURATION.format(gate.lasting)}"
    return False, f"{words(gate)} was not {wanted} within {DURATION.format(gate.within)}; last: {saw}"


def words(watched: FromOutside) -> str:
    """What is looked at."""
    return subject(asdict(watched.probe))


async def _look(watched: FromOutside, at: float) -> Observation:
    loop = asyncio.get_running_loop()
    began = loop.time()
    value, error = None, None
    try:
        value = await watched.probe.observe(_Outside())
    except ProbeError as failure:
        error = str(failure)
    return Observation(at, value, error, loop.time() - began)
