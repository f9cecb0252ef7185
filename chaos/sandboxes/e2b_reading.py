"""A range of a file of a microVM, by HTTP, and no more of it than was asked for, whatever the guest sends."""

from typing import Any


async def up_to(client: Any, path: str, wanted: str, most: int) -> tuple[int, bytes]:
    """Status and bytes of the answer; it is cut off as soon as there are `most` of them.

    `client` is an httpx.AsyncClient of the guest, `wanted` a range as RFC 9110 section 14 writes it.
    """
    params, headers = {"path": path, "username": "root"}, {"Range": wanted}
    data = bytearray()
    async with client.stream("GET", "/files", params=params, headers=headers) as answer:
        async for part in answer.aiter_bytes():
            data += part
            if len(data) >= most:
                break
        return answer.status_code, bytes(data)
