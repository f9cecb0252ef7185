"""One request and its answer over a connection to a PID 1: nothing from inside is believed before it is looked at.

Whoever is in there may answer anything, for ever, or not at all. So every answer has a longest line, a most of bytes
that was asked for, and the form that its request has; what differs from that is no answer.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LINE_BYTES = 2**20
"""The longest line of an answer."""


class Forged(ValueError):
    """What came back is no answer of a PID 1 of ours."""


async def exchange(
    streams: Streams, request: Mapping[str, Any], data: bytes, most_bytes: int
) -> tuple[dict[str, Any], bytes]:
    """The answer to a request, and its bytes, `most_bytes` at most.

    Raises Forged, and OSError or IncompleteReadError when the other side hangs up. It has no time limit of its own.
    """
    reader, writer = streams
    writer.write(json.dumps({**request, "size": len(data)}).encode() + b"\n" + data)
    await writer.drain()
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise Forged(f"a line of more than {LINE_BYTES:,} bytes") from error
    answer = _object(line)
    size = answer.get("size")
    if type(size) is not int or not 0 <= size <= most_bytes:
        raise Forged(f"{str(size)[:20]} bytes, where 0 to {most_bytes:,} were asked for")
    return answer, await reader.readexactly(size)


def _object(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Forged("a line that is no JSON") from error
    if not isinstance(answer, dict):
        raise Forged("JSON that is no object")
    return answer


def text(answer: Mapping[str, Any], name: str) -> str:
    """A text of the answer. Raises Forged."""
    value = answer.get(name)
    if not isinstance(value, str):
        raise Forged(f"no text for '{name}'")
    return value


def number(answer: Mapping[str, Any], name: str) -> int:
    """A whole number of the answer that a pid or an exit code may be. Raises Forged."""
    value = answer.get(name)
    if type(value) is not int or not -(2**31) <= value < 2**31:
        raise Forged(f"no number for '{name}'")
    return value
