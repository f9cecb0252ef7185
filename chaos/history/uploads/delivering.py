"""What one run's delivery is: to the console while it lasts, to the console and the bucket at its end.

Blocking, for one thread. `whys` says of each place why it has not got everything, and None once it has.
"""

import threading
import time
from collections.abc import Callable, Mapping

from chaos.analysis.result import Delivery, Result
from chaos.errors import ChaosLabError
from chaos.history.uploads.client import Console, NotDelivered
from chaos.history.uploads.courier import Courier
from chaos.history.uploads.last import Last
from chaos.runs.directory import Run
from chaos.settings import Settings
from chaos.text.inert import in_json, one_line

CONSOLE, ARTIFACTS = "console", "artifacts"
EVERY_S = 0.25
WITHIN_S = 5.0
"""Of one request while the run lasts."""
_LONGEST_PAUSE_S = 2.0
_ALIVE_EVERY_S = 20.0
"""A run of which nothing new comes is said to go on."""


def places(settings: Settings) -> tuple[str, ...]:
    """Where runs of this machine go."""
    wanted = {CONSOLE: settings.chaoslab_console_url, ARTIFACTS: settings.chaoslab_artifacts_url}
    return tuple(name for name, address in wanted.items() if address)


class Delivering:
    """Of one run."""

    def __init__(self, run: Run, settings: Settings) -> None:
        self.whys: dict[str, str | None] = dict.fromkeys(places(settings), "there was no time for it")
        self._run = run
        self._settings = settings

    def work(self, over: threading.Event, last: Last) -> None:
        """Beside the run until it is over, then the rest, unless nobody gave its result or it is too late."""
        self._tried(CONSOLE, lambda: self._console(over, last))
        if last.result is not None:
            self._tried(ARTIFACTS, lambda: self._bucket(last.result or b""))

    def _tried(self, place: str, work: Callable[[], bool]) -> None:
        if place not in self.whys:
            return
        try:
            if work():
                self.whys[place] = None
            else:
                del self.whys[place]  # it reads the folder itself: there is nothing to say
        except ChaosLabError as error:
            self.whys[place] = one_line(str(error))

    def _console(self, over: threading.Event, last: Last) -> bool:
        with Console.configured(self._settings) as console:
            courier = Courier(self._run, console)
            why = _beside(courier, over)
            if why is not None and why.final:
                raise why
            if last.result is None:
                raise NotDelivered("the run was broken off")
            if courier.standing is None:
                courier.open(last.left_s())
            courier.finish(last.result, last.left_s())
            return not (courier.standing and courier.standing.here)

    def _bucket(self, result: bytes) -> bool:
        from chaos.history.uploads.bucket import Bucket  # and with it a library that not everybody has

        Bucket.configured(self._settings).put(self._run, result)
        return True


def _beside(courier: Courier, over: threading.Event) -> NotDelivered | None:
    """Send what is new until the run is over; why not, when it ended with that."""
    fruitless, heard, why = 0, time.monotonic(), None
    while not over.wait(min(EVERY_S * 2**fruitless, _LONGEST_PAUSE_S)):
        try:
            if courier.standing is None or time.monotonic() - heard > _ALIVE_EVERY_S:
                courier.open(WITHIN_S)
                heard = time.monotonic()
            while not over.is_set() and not _is_here(courier) and courier.look(WITHIN_S):
                heard = time.monotonic()
            fruitless, why = 0, None
        except NotDelivered as error:
            fruitless, why = min(fruitless + 1, 8), error
            if error.unknown and courier.standing is not None:
                courier.standing = None
            elif error.final:
                return error
    return why


def _is_here(courier: Courier) -> bool:
    return courier.standing is not None and courier.standing.here


def noted(result: Result, whys: Mapping[str, str | None], later: str = "") -> Result:
    """The result, saying of each place whether it has everything."""
    said = {
        place: Delivery(complete=why is None, why=why or "", later=later if why else None)
        for place, why in whys.items()
    }
    return result.model_copy(update={"delivery": {**result.delivery, **said}})


def written(result: Result) -> bytes:
    """As result.json holds it."""
    return (in_json(result.model_dump_json(indent=2)) + "\n").encode()
