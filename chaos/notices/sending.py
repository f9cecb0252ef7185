"""Send a notice to whoever wants it: at most five seconds, a few tries, and never a word of it matters to a run.

Each receiver has a thread of its own that nobody waits for longer than that: a name that does not resolve, or a server
that answers a byte a minute, can hold up neither a run nor the end of the program.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from pydantic import SecretStr

from chaos.notices.bodies import generic, slack
from chaos.notices.notice import Notice
from chaos.settings import Settings

WITHIN_S = 5.0
SIGNATURE = "X-ChaosLab-Signature-256"
_THREAD = "chaoslab-notice"
_PAUSES_S = (0.3, 1.0)
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Post:
    """One request; its address may hold a secret, so it is never printed."""

    who: str
    url: SecretStr
    body: bytes
    headers: Mapping[str, str]


async def tell(notice: Notice, say: Callable[[str], None]) -> None:
    """Send it when it matters; `say` hears who did not get it and why. Raises nothing."""
    if notice.matters:
        for why in await send(notice, Settings()):
            say(f"no notice: {why}")


async def send(notice: Notice, settings: Settings) -> list[str]:
    """Send it to every receiver at once; who did not get it and why, in a sentence each. Raises nothing."""
    answers = await asyncio.gather(*(_sent(post) for post in posts(notice, settings)))
    return [why for why in answers if why]


def posts(notice: Notice, settings: Settings) -> Iterator[Post]:
    """The requests that carry it, to whoever the settings name."""
    if settings.chaoslab_notice_url is not None:
        body = json.dumps(generic(notice)).encode()
        secret = settings.chaoslab_notice_secret
        signed = {SIGNATURE: signature(body, secret.get_secret_value())} if secret is not None else {}
        headers = {"X-ChaosLab-Event": notice.event, **signed}
        yield _post("CHAOSLAB_NOTICE_URL", settings.chaoslab_notice_url, body, headers)
    if settings.chaoslab_notice_slack_url is not None:
        body = json.dumps(slack(notice)).encode()
        yield _post("CHAOSLAB_NOTICE_SLACK_URL", settings.chaoslab_notice_slack_url, body, {})


def _post(who: str, url: SecretStr, body: bytes, headers: Mapping[str, str]) -> Post:
    return Post(who, url, body, {"Content-Type": "application/json", "User-Agent": "chaoslab", **headers})


def signature(body: bytes, secret: str) -> str:
    """`sha256=…`: HMAC-SHA256 of the body's bytes, in hexadecimal, as GitHub signs its webhooks."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def _sent(post: Post) -> str | None:
    """Why it was not delivered; None when it was."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(why: str | None) -> None:
        if not answer.done():
            answer.set_result(why)

    def work() -> None:
        why = _delivered(post, time.monotonic() + WITHIN_S)
        with suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, why)

    threading.Thread(target=work, daemon=True, name=_THREAD).start()
    try:
        async with asyncio.timeout(WITHIN_S):
            return await answer
    except TimeoutError:
        return f"{post.who}: no answer within {WITHIN_S:.0f} s"


def _delivered(post: Post, until: float) -> str | None:
    """Try, and try again while that may help and there is time."""
    for pause_s in (*_PAUSES_S, None):
        why, again = _attempt(post, max(0.1, until - time.monotonic()))
        if why is None:
            return None
        if not again or pause_s is None or time.monotonic() + pause_s >= until:
            break
        time.sleep(pause_s)
    return f"{post.who}: {why}"


def _silent(record: logging.LogRecord) -> bool:
    """httpx logs the address of each request, httpcore the answer's headers; ours may hold a secret."""
    return record.threadName != _THREAD


def _attempt(post: Post, within_s: float) -> tuple[str | None, bool]:
    """Why it was not taken, None when it was; and whether another try may go better. The answer's body is not read."""
    import httpx  # a run that tells nobody begins without it

    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_silent)
    try:
        with httpx.stream(
            "POST",
            post.url.get_secret_value(),
            content=post.body,
            headers=post.headers,
            timeout=within_s,
            follow_redirects=False,
        ) as answer:
            if answer.is_success:
                return None, False
            return f"HTTP {answer.status_code}", answer.status_code in _AGAIN
    except httpx.TransportError as error:
        return type(error).__name__, not isinstance(error, httpx.UnsupportedProtocol)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # it may name the address
        return type(error).__name__, False
