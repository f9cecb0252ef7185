"""What can be done to a microVM from outside only: stand still by pause and resume, be cut off by E2B's firewall.

A paused microVM has no lease: it would stay for weeks. Whoever is killed in between leaves it to `gc`.
"""

import asyncio
import contextlib
import time
from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.e2b.machine import Machine

_LOOK_EVERY_S = 0.25
_FEWEST_LOOKS = 3


async def freeze(machine: Machine, lasts_s: float, beats: str, stop: asyncio.Event) -> dict[str, Any]:
    """Pause it, look whether anybody answers meanwhile, resume it; all moments by this process's monotonic clock.

    `beats` is the file in there whose sum tells for how long something ran. `stop` resumes it early.
    """
    read_before, ran_before = await _read(machine, beats)
    asked_at = time.monotonic()
    await machine.pause()
    paused_at = time.monotonic()
    looks = answered = 0
    try:
        while looks < _FEWEST_LOOKS or time.monotonic() < asked_at + lasts_s:
            looks += 1
            answered += await machine.answers()
            with contextlib.suppress(TimeoutError):
                left_s = max(_LOOK_EVERY_S / 10, asked_at + lasts_s - time.monotonic())
                await asyncio.wait_for(stop.wait(), min(_LOOK_EVERY_S, left_s))
                break
    finally:
        resuming_at = time.monotonic()
        await machine.reach()
    resumed_at = time.monotonic()
    read_after, ran_after = await _read(machine, beats)
    return {
        "read": [read_before, read_after],
        "ran_s": [ran_before, ran_after],
        "asked_at": asked_at,
        "resumed_at": resumed_at,
        "pause_took_s": round(paused_at - asked_at, 3),
        "resume_took_s": round(resumed_at - resuming_at, 3),
        "looks": looks,
        "answered": answered,
        "since_resume_s": round(time.monotonic() - resumed_at, 3),
    }


async def _read(machine: Machine, beats: str) -> tuple[tuple[float, float], float]:
    begun = time.monotonic()
    text = await machine.read(beats, 0, -1)
    try:
        return (begun, time.monotonic()), float(text)
    except ValueError as error:
        raise SandboxError(f"e2b: {beats} holds no sum of beats") from error
