"""Requests of our own in HTTP/2, one at a time on a connection: what `witness` asks and answers where that is read."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import InvalidBodyLengthError

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PIECE = 65_536
_spoken: "WeakKeyDictionary[asyncio.StreamWriter, H2Connection]" = WeakKeyDictionary()


async def exchange(connection: Connection, method: str, path: str) -> dict[str, Any]:
    """One request and what came of it; see `witness`. Raises OSError."""
    reader, writer = connection
    if (h2 := _spoken.get(writer)) is None:
        h2 = _spoken[writer] = H2Connection(H2Configuration(client_side=True))
        h2.initiate_connection()
    stream = h2.get_next_available_stream_id()
    named = {":method": method, ":scheme": "http", ":authority": "chaoslab", ":path": path}
    h2.send_headers(stream, list(named.items()), end_stream=True)
    writer.write(h2.data_to_send())
    seen: dict[str, Any] = {"saw": "closed", "keeps": True}
    while data := await reader.read(_PIECE):
        try:
            happened = h2.receive_data(data)
        except InvalidBodyLengthError:
            return {**seen, "saw": "cut"}
        writer.write(h2.data_to_send())
        for event in happened:
            if _is_over(event, seen, writer):
                return seen
    return {**seen, "keeps": False}


def _is_over(event: events.Event, seen: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
    """Note what it tells; whether nothing more will come."""
    if isinstance(event, events.ResponseReceived):
        fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        seen["saw"] = f"grpc-status {fields['grpc-status']}" if "grpc-status" in fields else fields[":status"]
        if "x-asked-from" in fields:
            seen["direct"] = int(fields["x-asked-from"]) == writer.get_extra_info("sockname")[1]
        if "retry-after" in fields:
            seen["retry_after_s"] = float(fields["retry-after"])
    elif isinstance(event, events.StreamReset) and event.error_code != ErrorCodes.NO_ERROR:
        refused = event.error_code == ErrorCodes.REFUSED_STREAM
        seen["saw"] = "closed" if refused else "reset"
        return True
    elif isinstance(event, events.ConnectionTerminated):
        seen["keeps"] = False
    return isinstance(event, events.StreamEnded)


async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    """Answer every request of one connection with `body`, and with the port that asked."""
    port = str(writer.get_extra_info("peername")[1])
    answer = [(":status", "200"), ("content-length", str(len(body))), ("x-asked-from", port)]
    h2 = H2Connection(H2Configuration(client_side=False))
    h2.initiate_connection()
    try:
        while data := await reader.read(_PIECE):
            for event in h2.receive_data(data):
                if isinstance(event, events.RequestReceived):
                    asked = dict(event.headers or ())
                    bodiless = asked.get(b":method") == b"HEAD"
                    h2.send_headers(event.stream_id, answer, end_stream=bodiless)
                    if not bodiless:
                        h2.send_data(event.stream_id, body, end_stream=True)
            writer.write(h2.data_to_send())
    except (asyncio.CancelledError, OSError):
        pass
    writer.close()
