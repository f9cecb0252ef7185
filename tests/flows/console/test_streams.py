"""64 streams of one live run at once: each gets everything, one more is refused, nobody waits for a slow one."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.flows.console.served import BASE, Console, token
from tests.flows.console.test_uploads import Delivery

EACH, ALL = 16, 64
WITHIN_S = 60.0


class Stream:
    """One connection, and all that came of it."""

    def __init__(self, port: int, run_id: str, opened: str) -> None:
        self.port, self.got = port, b""
        self.asked = f"GET {BASE}/runs/{run_id}/events HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n"
        self.asked += f"Authorization: Bearer {opened}\r\n\r\n"

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(self.asked.encode())
        self.status = int((await self.reader.readline()).split()[1])
        await self.reader.readuntil(b"\r\n\r\n")

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def until(self, what: bytes) -> bytes:
        while what not in self.got:
            data = await self.reader.read(65536)
            assert data, self.got[-500:]
            self.got += data
        return self.got


async def watched(console: Console, delivery: Delivery, tokens: list[str]) -> list[bytes]:
    """What each of 64 saw of a run whose rest is delivered while they look."""
    async with opened(console, delivery, [each for each in tokens for _ in range(EACH)]) as streams:
        async with opened(console, delivery, [token("viewer")]) as (one_more,):
            assert {each.status for each in streams} == {200}
            assert one_more.status == 429
        slow, *rest = streams  # it reads nothing until the end
        await asyncio.gather(*(each.until(b"event: mark") for each in rest))
        await asyncio.to_thread(delivered, delivery)
        await asyncio.gather(*(each.until(b"event: end") for each in rest))
        await slow.until(b"event: end")
        return [each.got for each in streams]


@asynccontextmanager
async def opened(console: Console, delivery: Delivery, tokens: list[str]) -> AsyncIterator[list[Stream]]:
    streams = [Stream(console.port, delivery.run_id, each) for each in tokens]
    await asyncio.gather(*(each.open() for each in streams))
    try:
        yield streams
    finally:
        for each in streams:
            await each.close()


def delivered(delivery: Delivery) -> None:
    begun = len(b"".join(delivery.lines[:60]))
    assert delivery.send(begun, delivery.journal[begun:]).status_code == 204
    assert delivery.put("result.json", json.dumps(delivery.result).encode()).status_code == 204
    assert delivery.whole().status_code == 200


def test_each_of_sixty_four_gets_everything(console: Console) -> None:
    delivery = Delivery(console, token("worker"))
    delivery.open()
    delivery.send(0, b"".join(delivery.lines[:60]))
    tokens = [token("viewer") for _ in range(ALL // EACH)]
    seen = asyncio.run(asyncio.wait_for(watched(console, delivery, tokens), WITHIN_S))
    assert {each.partition(b"event: end")[0] for each in seen} == {seen[0].partition(b"event: end")[0]}
    assert seen[0].count(b"event: frame") > 50


def test_one_person_has_sixteen(console: Console) -> None:
    delivery = Delivery(console, token("worker"))
    delivery.open()

    async def look() -> list[int]:
        async with opened(console, delivery, [token("viewer")] * (EACH + 1)) as streams:
            return [each.status for each in streams]

    assert asyncio.run(look()) == [200] * EACH + [429]
