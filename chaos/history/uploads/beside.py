"""A run brought elsewhere while it lasts: a thread beside it, never on its way.

The console may be down, slow or hostile: the run notices nothing but the wait at its end, at most END_S for all of it.
The result says what was not delivered; `chaoslab history push` does so later.
"""

import asyncio
import shlex
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from chaos.history.uploads.last import Last
from chaos.host.import_lock import ONE_AT_A_TIME
from chaos.runs.directory import Run

if TYPE_CHECKING:
    from chaos.analysis.result import Result

END_S = 3.0


@asynccontextmanager
async def elsewhere(run: Run, say: Callable[[str], None]) -> AsyncIterator["Elsewhere"]:
    """Deliver what is written to the run's journal while the block lasts; nothing where nothing is configured."""
    made = Elsewhere(run, say)
    made.begin()
    try:
        yield made
    finally:
        made.let_go()


class Elsewhere:
    """Of one run, in a thread of its own that never keeps the program from ending."""

    def __init__(self, run: Run, say: Callable[[str], None]) -> None:
        self._run = run
        self._say = say
        self._over = threading.Event()
        self._ended: dict[str, str | None] | None = None
        """What came of it: place -> why not everything, once that is known."""
        self._last = Last()
        self._thread = threading.Thread(target=self._work, name="elsewhere", daemon=True)

    def begin(self) -> None:
        """Start the thread; even what it needs is imported there."""
        self._thread.start()

    def let_go(self) -> None:
        """Nobody waits any more."""
        self._over.set()

    async def conclude(self, result: "Result") -> "Result":
        """Deliver the rest, within END_S; the result, saying what was not delivered."""
        from chaos.history.uploads.delivering import noted, places, written
        from chaos.settings import Settings

        wanted = places(Settings())
        if not wanted:
            return result
        self._last.result = written(noted(result, dict.fromkeys(wanted)))
        self._last.until = time.monotonic() + END_S
        self._over.set()
        await asyncio.to_thread(self._thread.join, END_S)
        late = dict.fromkeys(wanted, f"it took longer than {END_S:g} s")
        found = late if self._ended is None else self._ended
        later = f"chaoslab history push {shlex.quote(str(self._run.folder))}"
        for place, why in found.items():
            if why is not None:
                self._say(f"not delivered to the {place}: {why}; later: {later}")
        result = noted(result, found, later)
        if found:
            self._run.keep_result(result.model_dump_json(indent=2))
        return result

    def _work(self) -> None:
        with ONE_AT_A_TIME:
            from chaos.settings import Settings

            settings = Settings()
            if not (settings.chaoslab_console_url or settings.chaoslab_artifacts_url):
                return
            from chaos.history.uploads.delivering import Delivering

        made = Delivering(self._run, settings)
        made.work(self._over, self._last)
        self._ended = made.whys
