"""Ask the inventory for an offer: with every safety net, or with none."""

import json
import logging
import os
import queue
import random
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger("shop.offers")

WITHIN_S = 0.55
"""What one checkout may spend on the inventory, retry included."""
ATTEMPT_S = 0.45
BACKOFF_S = 0.03
IDLE_CONNECTIONS = int(os.environ.get("IDLE_CONNECTIONS", "64"))


class NoOffer(Exception):
    """The inventory is away, and nothing is known from before."""


class Offers:
    """One call on a pooled connection, one retry, then the last known offer."""

    def __init__(self) -> None:
        self._host = inventory()
        self._idle: queue.LifoQueue[HTTPConnection] = queue.LifoQueue(IDLE_CONNECTIONS)
        self._known: dict[str, dict[str, Any]] = {}
        self.stale = False
        """Whether the last offer was one from before."""

    def offer(self, item: str) -> dict[str, Any]:
        """The offer, marked `stale` when it is from before. Raises NoOffer."""
        until = time.monotonic() + WITHIN_S
        for left in (1, 0):
            try:
                found = self._ask(f"/offer/{item}", min(ATTEMPT_S, until - time.monotonic()))
            except (OSError, HTTPException, ValueError) as error:
                pause = BACKOFF_S * random.uniform(0.5, 1.5)
                if left and time.monotonic() + pause < until - BACKOFF_S:
                    time.sleep(pause)
                    continue
                return self._last_known(item, error)
            self._known[item] = found
            self._become(stale=False)
            return found
        raise AssertionError("unreachable")

    def _ask(self, path: str, timeout_s: float) -> dict[str, Any]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = HTTPConnection(self._host)
        connection.timeout = timeout_s
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        try:
            found = ask(connection, path)
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()
        return found

    def _last_known(self, item: str, error: Exception) -> dict[str, Any]:
        self._become(stale=True, why=error)
        if item not in self._known:
            raise NoOffer(item) from error
        return {**self._known[item], "stale": True}

    def _become(self, *, stale: bool, why: Exception | None = None) -> None:
        if stale and not self.stale:
            log.warning("inventory does not answer (%s): selling by the last known offer", why or "?")
        if self.stale and not stale:
            log.warning("inventory answers again")
        self.stale = stale


class FragileOffers:
    """Four calls one after the other on a new connection, for as long as it takes."""

    stale = False

    def offer(self, item: str) -> dict[str, Any]:
        """The offer, or whatever went wrong."""
        found: dict[str, Any] = {}
        with closing(HTTPConnection(inventory())) as connection:
            for field in ("stock", "price_cents", "tax_percent", "shipping_days"):
                found |= ask(connection, f"/{field}/{item}")
        return found


def ask(connection: HTTPConnection, path: str) -> dict[str, Any]:
    """The JSON object at `path`."""
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise HTTPException(f"status {response.status}")
    found: dict[str, Any] = json.loads(body)
    return found


def inventory() -> str:
    """Host and port of the inventory."""
    return urlsplit(os.environ.get("INVENTORY_URL", "http://127.0.0.1:9000")).netloc
