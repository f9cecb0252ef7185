"""Notice when the controller wants the run to stop, or is no more; and let it notice that we are there."""

import asyncio
import contextlib
import time
from pathlib import Path

_LOOK_EVERY_S = 0.1
_STOOD_STILL_S = 1.0
_SAYS_SO_EVERY_S = 1.0


async def until_told(folder: Path, lease_s: float) -> tuple[str, str]:
    """Wait for the `stop` file (-> "stop.requested", its text) or a lapsed `lease` file (-> "controller.lost", why).

    The lease is judged on the monotonic clock by changes of the file's mtime, never by comparing wall clocks. Time in
    which we could not look ourselves, as the whole machine stood still, is not the controller's silence.
    Meanwhile `alive` is written anew every second: the controller ends a run whose agent says nothing at all.
    """
    looked = time.monotonic()
    said_at = float("-inf")
    seen, seen_at = 0, looked
    while True:
        now = time.monotonic()
        if now - looked > _STOOD_STILL_S:
            seen_at += now - looked
        looked = now
        if now - said_at >= _SAYS_SO_EVERY_S:
            said_at = now
            with contextlib.suppress(OSError):  # a disk that is full
                (folder / "alive").write_text(f"{now:.3f}")
        stop = folder / "stop"
        if stop.exists():
            return "stop.requested", stop.read_text(errors="replace").strip() or "stopped by the controller"
        try:
            mtime = (folder / "lease").stat().st_mtime_ns
        except FileNotFoundError:
            mtime = seen
        if mtime != seen:
            seen, seen_at = mtime, now
        elif now - seen_at > lease_s:
            return "controller.lost", f"no word from the controller for {lease_s:g} s"
        await asyncio.sleep(_LOOK_EVERY_S)
