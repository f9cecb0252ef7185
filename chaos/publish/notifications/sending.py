"""Sending of notices: at most five seconds, a few attempts; failures never affect a run.

Each receiver has a thread of its own that nobody waits for longer than that: a name that does not resolve, or a server
that answers a byte a minute, can hold up neither a run nor the end of the program.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from chaos.publish.notifications.alerts import Action
from chaos.publish.notifications.notice import Notice
from chaos.publish.notifications.receivers import Unusable, alert, on_call, requests
from chaos.publish.notifications.requests import THREAD, NoticeRequest
from chaos.publish.notifications.streaks import Streak, streak
from chaos.settings import Settings

WITHIN_S = 5.0
_PAUSES_S = (0.3, 1.0)


async def send_notice(notice: Notice, log: Callable[[str], None]) -> None:
    """Send it when it matters, and call whoever is on call; `log` hears who did not get it and why. Raises nothing."""
    settings = Settings()
    if notice.matters:
        for why in await send(notice, settings):
            log(f"no notice: {why}")
    for why in await call(notice, settings):
        log(f"no alert: {why}")


async def send(notice: Notice, settings: Settings) -> list[str]:
    """Send it to every receiver at once; who did not get it and why, in a sentence each. Raises nothing."""
    ready, bad = [], ""
    try:
        for request in requests(notice, settings):
            ready.append(request)  # one by one: those before a bad one are good
    except Unusable as error:
        bad = str(error)
    return [*await deliver_all(ready), *([bad] if bad else [])]


async def call(notice: Notice, settings: Settings) -> list[str]:
    """Count a run of an experiment, and alert or say that it is over; who could not be told. Raises nothing."""
    if notice.subject != "experiment" or notice.facts.get("verdict") not in ("deviated", "held"):
        return []
    if not on_call(settings):
        return []
    try:
        return await _called(notice, settings)
    except OSError as error:
        return [f"{settings.state_folder / 'alerts'}: {error.strerror or type(error).__name__}"]


async def _called(notice: Notice, settings: Settings) -> list[str]:
    folder = settings.state_folder / "alerts"
    with streak(folder, notice) as row:
        action = _due(row, settings.chaoslab_alert_after)
        if action is not None:
            row.alerted = True  # who is killed while he calls may have called
    if action is None:
        return []
    whys = await deliver_all(alert(notice, action, row.deviated, settings))
    if action == "resolve" and not whys:
        with streak(folder, notice) as row:
            row.alerted = row.deviated > 0 and row.alerted
    return whys


def _due(row: Streak, after: int) -> Action | None:
    """At every deviation from the `after`-th on, for one that got lost; receivers know it by its key."""
    if row.deviated >= after:
        return "trigger"
    return "resolve" if row.deviated == 0 and row.alerted else None


async def deliver_all(ready: Iterable[NoticeRequest]) -> list[str]:
    """Bring them all at once; `who: why` of each that did not arrive. Raises nothing."""
    answers = await asyncio.gather(*(_sent(each) for each in ready))
    return [why for why in answers if why]


async def _sent(request: NoticeRequest) -> str | None:
    """Why it was not delivered; None when it was."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(why: str | None) -> None:
        if not answer.done():
            answer.set_result(why)

    def work() -> None:
        why = _delivered(request, time.monotonic() + WITHIN_S)
        with suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, why)

    threading.Thread(target=work, daemon=True, name=THREAD).start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return await answer
    except TimeoutError:
        return f"{request.who}: no answer within {WITHIN_S:.0f} s"


def _delivered(request: NoticeRequest, until: float) -> str | None:
    """Try, and try again while that may help and there is time; not before the receiver wants it."""
    for pause_s in (*_PAUSES_S, None):
        why, again, wait_s = request.attempt(max(0.1, until - time.monotonic()))
        if why is None:
            return None
        if not again or pause_s is None:
            break
        wait_s = max(pause_s, wait_s)
        if time.monotonic() + wait_s >= until:
            why += f", asks to wait {wait_s:.0f} s" if wait_s > pause_s else ""
            break
        time.sleep(wait_s)
    return f"{request.who}: {why}"
