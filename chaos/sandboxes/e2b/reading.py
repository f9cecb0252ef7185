"""A range of a file of a microVM, by HTTP, and no more of it than was asked for, whatever the guest sends."""

import asyncio
from typing import Any


async def up_to(client: Any, path: str, wanted: str, most: int, *, within_s: float) -> tuple[int, bytes]:
    """Status and bytes of the answer; it is cut off as soon as there are `most` of them.

    Raises TimeoutError, which may be tried again, and what the client raises.
    `client` is an httpx.AsyncClient of the guest, `wanted` a range as RFC 9110 section 14 writes it.
    """
    params, headers = {"path": path, "username": "root"}, {"Range": wanted}
    data = bytearray()
    answering = client.stream("GET", "/files", params=params, headers=headers)
    async with asyncio.timeout(within_s), answering as answer:
        async for part in answer.aiter_bytes():
            data += part
            if len(data) >= most:
                break
        return answer.status_code, bytes(data)
