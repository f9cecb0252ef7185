"""Connect's frames and errors as JSON, written by hand, so that they do not come from the library on the other end.

A stream's message: one byte of flags, its length in four (big endian), JSON. The last one has flag 2 and is `{}` or
`{"error": {"code", "message"}}`. Source: connectrpc.com/docs/protocol.
"""

import json
import struct
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

LAST = 2


def frame(message: object, flags: int = 0) -> bytes:
    """One message of a stream."""
    text = json.dumps(message).encode()
    return struct.pack(">BI", flags, len(text)) + text


async def unframe(request: Request) -> Any:
    """The one message of a request that opens a stream."""
    data = await request.body()
    size = struct.unpack(">I", data[1:5])[0]
    return json.loads(data[5 : 5 + size])


def stream_error(code: str, message: str) -> Response:
    """A stream that says only why there is none; its HTTP status is 200 all the same."""
    body = frame({"error": {"code": code, "message": message}}, LAST)
    return Response(body, media_type="application/connect+json")


def unary_error(code: str, message: str, status: int) -> Response:
    """The answer to a single request that failed."""
    return JSONResponse({"code": code, "message": message}, status)


def api_error(status: int, message: str, **headers: str) -> Response:
    """The REST interface's form of an error, and that of envd's files."""
    return JSONResponse({"code": status, "message": message}, status, headers=headers)
