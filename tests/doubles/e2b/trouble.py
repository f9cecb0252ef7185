"""What a cloud does to its clients on a bad day: refuses, stalls, loses answers, drops streams. By chance, or on order.

`refuse`: 429 or 503 instead of an answer. `stall`: the answer is late. `lose`: it is carried out, and the answer never
comes. `drop`: a stream ends in its middle. The first line of a stream may get through, or not.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.doubles.e2b.frames import api_error


class Cut(Exception):
    """The connection is to end here; the server closes it when an answer stays incomplete."""


@dataclass
class Trouble:
    """Shares of the requests (0 to 1) that meet each kind, and orders, each for one: `("POST /v2", "429")`."""

    app: ASGIApp
    said: Counter[str]
    seed: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    orders: list[tuple[str, str]] = field(default_factory=list)
    stall_s: float = 1.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_double"):
            await self.app(scope, receive, send)
            return
        kind = self._kind(f"{scope['method']} {scope['path']}")
        self.said[kind or "answered"] += 1
        match kind:
            case "429" | "503":
                answer = api_error(int(kind), "too many" if kind == "429" else "no capacity")
                await answer(scope, receive, send)
                return
            case "stall":
                await asyncio.sleep(self.stall_s)
            case "lose":
                send = _Losing(send, 0)
            case "drop":
                send = _Losing(send, self._random.choice((0, 1)))
        await self.app(scope, receive, send)

    def _kind(self, request: str) -> str | None:
        for order in self.orders:
            if request.startswith(order[0]):
                self.orders.remove(order)
                return order[1]
        drawn = self._random.random()
        for kind, share in self.shares.items():
            if drawn < share:
                return kind
            drawn -= share
        return None


@dataclass
class _Losing:
    """Lets that many parts of a body through, and then cuts the line."""

    send: Send
    parts: int

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            if self.parts <= 0:
                raise Cut
            self.parts -= 1
            message = {**message, "more_body": True}
        await self.send(message)


Options = dict[str, Any]
