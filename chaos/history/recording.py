"""Recording of a finished run in the history: bounded in time, and never at the run's cost.

The run's folder is the truth. What is not recorded now is said, with the command that makes up for it.
"""

import asyncio
import shlex
import threading
from collections.abc import Callable
from pathlib import Path

from chaos.errors import ChaosLabError
from chaos.text.inert import one_line

WITHIN_S = 3.0
_STORE_WITHIN_S = 2.0
"""Less, so that the store's own words are heard, mostly."""


def prepare() -> None:
    """Read the library in while nobody waits for anything."""
    import chaos.history.store  # noqa: F401  and with it SQLAlchemy, a third of a second


async def record(folder: Path, say: Callable[[str], None], within_s: float = WITHIN_S) -> bool:
    """Take the folder in; whether it was. Never raises for what the store or its settings do."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    told: list[str] = []

    def work() -> None:
        why = _why_not(folder)
        try:
            loop.call_soon_threadsafe(_tell, why)
        except RuntimeError:  # nobody waits any more
            return

    def _tell(why: str) -> None:
        told.append(why)
        ended.set()

    # Not a thread of the loop's own: those are waited for when it ends, however long that takes.
    threading.Thread(target=work, name="recording", daemon=True).start()
    try:
        async with asyncio.timeout(within_s):
            await ended.wait()
    except TimeoutError:
        told.append(f"the store did not answer within {within_s:g} s")
    if told[0]:
        say(f"not in the history: {told[0]}; later: chaoslab history import {shlex.quote(str(folder))}")
    return not told[0]


def _why_not(folder: Path) -> str:
    """Take it in; empty when that went well."""
    from chaos.host.import_lock import ONE_AT_A_TIME

    try:
        with ONE_AT_A_TIME:
            from pydantic import ValidationError

            from chaos.history.store import History
        try:
            with History.open(within_s=_STORE_WITHIN_S) as history:
                history.put(folder)
        except ValidationError:  # of another setting, which others complain of
            return "the settings cannot be read"
    except (ChaosLabError, ImportError, OSError) as error:
        return one_line(str(error)) or type(error).__name__
    return ""
