"""How fast E2B sandboxes are created, and how many there are at once: one limit for all processes of this machine.

A plan allows so many creations a second and so many sandboxes at once, and answers the next one with an error. Whoever
wants to create one takes a turn in a small file of the runtime directory under a lock (flock(2)); the entry runs out by
itself when its owner is killed. Machines do not know of each other: give each its share.
"""

import asyncio
import fcntl
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError

_LOOK_EVERY_S = 0.25


class Pace:
    """Turns of one account. Times are of the wall clock, which the processes share."""

    def __init__(self, folder: Path, account: str, *, per_s: float, at_once: int) -> None:
        name = hashlib.sha256(account.encode()).hexdigest()[:12]  # whose turns these are, not the key
        self._file = folder / f"e2b-{name}.json"
        self._per_s = per_s
        self._at_once = at_once

    async def turn(self, token: str, lasts_s: float, within_s: float) -> None:
        """Wait until one more sandbox may be created. Raises SandboxError when none may `within_s`."""
        give_up_at = time.monotonic() + within_s
        while (pause_s := self._take(token, lasts_s)) is None:
            if time.monotonic() > give_up_at:
                raise SandboxError(
                    f"e2b: {self._at_once} sandboxes at once are in use for {within_s:g} s; "
                    "E2B_CONCURRENCY says how many your plan allows"
                )
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(pause_s)

    def renew(self, token: str, lasts_s: float) -> None:
        """It is in use for at least so long."""
        with self._ledger() as ledger:
            ledger["used"][token] = time.time() + lasts_s

    def release(self, token: str) -> None:
        """It is no more."""
        with self._ledger() as ledger:
            ledger["used"].pop(token, None)

    def _take(self, token: str, lasts_s: float) -> float | None:
        """Seconds until that creation may begin; None while as many as may are in use."""
        with self._ledger() as ledger:
            now = time.time()
            if len(ledger["used"]) >= self._at_once:
                return None
            begins = max(now, ledger["next"])
            ledger["next"] = begins + 1 / self._per_s
            ledger["used"][token] = begins + lasts_s
            return float(begins - now)

    @contextmanager
    def _ledger(self) -> Iterator[dict[str, Any]]:
        try:
            with self._file.open("a+") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                ledger = _read(file.read())
                yield ledger
                file.truncate(0)
                file.write(json.dumps(ledger))
        except OSError as error:
            raise SandboxError(f"{self._file}: {error.strerror}") from error


def _read(text: str) -> dict[str, Any]:
    """What is in use; a torn file, which a writer that was killed may leave, is an empty one."""
    try:
        ledger = json.loads(text)
        now = time.time()
        used = {token: until for token, until in ledger["used"].items() if until > now}
        return {"next": min(float(ledger["next"]), now + 3600), "used": used}
    except (ValueError, KeyError, TypeError):
        return {"next": 0.0, "used": {}}
