"""One HTTP/2 connection on its way through the proxy: stream by stream, untouched or tampered with (RFC 9113).

Headers are compressed with what came before them, so that none can be left out or held back while others pass: each
side is a connection of its own, and what passes is equal by streams (headers, data, trailers, ends and resets), not by
bytes. Data is acknowledged to who sent it when the other side's window took it. A server's GOAWAY passes with the
client's own numbers, and streams under way go on. Pings and settings are answered here, priorities and pushes are not
passed on.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from chaos.faults.http.relay import Relay
from chaos.faults.http.tampering import Dice, StreamRequest
from chaos.faults.http.wire import Wire

Headers = list[tuple[bytes, bytes]]
_PREFACE_BYTES, _HEAD_BYTES, _MOST_BYTES = 24, 9, 16_384
_GOAWAY, _EVERY_STREAM = 7, 2**31 - 1
_WINDOW = 2**24
"""Of a connection: a stream that waits for its server takes none of the others' room."""


class StreamPiece(NamedTuple):
    """Of one direction of a stream: headers, data, or with `code` its reset."""

    headers: Headers | None = None
    data: bytes = b""
    ends: bool = False
    credit: int = 0
    """What its sender is to be given back of its window."""
    code: int | None = None


@dataclass
class Stream:
    """One request and its answer."""

    id: int
    """The client's number."""
    meant: bool
    upstream_id: int = 0
    """The number at the server; 0 before it is there."""
    held: bool = False
    spoiled: bool = False
    """What still comes of it is for nobody."""
    outward: deque[StreamPiece] = field(default_factory=deque)
    homeward: deque[StreamPiece] = field(default_factory=deque)
    asked: bool = False
    answered: bool = False


class GoAway(NamedTuple):
    """That frame: the last stream that is heeded, and why."""

    last: int
    rest: bytes


class Side:
    """One of the two connections: frames as they come, without those that would end it for streams under way."""

    def __init__(self, wire: Wire, *, serves: bool) -> None:
        self.wire = wire
        plain = {
            "header_encoding": None,
            "validate_outbound_headers": False,
            "validate_inbound_headers": False,
        }
        plain |= {"normalize_outbound_headers": False, "normalize_inbound_headers": False}
        self.h2 = H2Connection(H2Configuration(client_side=not serves, **plain))  # type: ignore[arg-type]
        self._preface_due = serves
        most = {SettingCodes.MAX_CONCURRENT_STREAMS: _EVERY_STREAM}
        values = most if serves else {SettingCodes.ENABLE_PUSH: 0}
        self.h2.local_settings = Settings(client=not serves, initial_values=values)
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(_WINDOW)

    def take(self) -> Iterator[events.Event | GoAway]:
        """What came. Raises ProtocolError; the other end is told why at the next flush."""
        while frame := self._frame():
            if not self._preface_due and frame[3] == _GOAWAY and len(frame) >= _HEAD_BYTES + 8:
                yield GoAway(int.from_bytes(frame[9:13]) & _EVERY_STREAM, frame[13:])
            else:
                self._preface_due = False
                yield from self.h2.receive_data(frame)

    def _frame(self) -> bytes:
        """One whole frame, or the preface; empty when there is none yet."""
        buffer = self.wire.buffer
        if self._preface_due:
            return self.wire.consume(_PREFACE_BYTES) if len(buffer) >= _PREFACE_BYTES else b""
        if len(buffer) < _HEAD_BYTES:
            return b""
        length = int.from_bytes(buffer[:3])
        if length > _MOST_BYTES:
            raise ProtocolError(f"a frame of {length} bytes, where {_MOST_BYTES} are allowed")
        return self.wire.consume(_HEAD_BYTES + length) if len(buffer) >= _HEAD_BYTES + length else b""

    def flush(self, more: bytes = b"") -> None:
        """Send what is to be sent."""
        if (data := self.h2.data_to_send() + more) and not self.wire.lost:
            self.wire.put(data)

    def send(self, pieces: deque[StreamPiece], id_: int, source: "Side", source_id: int) -> bool:
        """As much as there is room for; whether that was the end of them."""
        while pieces:
            piece = pieces[0]
            if piece.code is not None:
                self.h2.reset_stream(id_, piece.code)
                return True
            if piece.headers is not None:
                self.h2.send_headers(id_, piece.headers, end_stream=piece.ends)
            elif (rest := self._send_data(piece, id_)) is None:
                return False
            elif rest:
                pieces[0] = piece._replace(data=rest)
                continue
            pieces.popleft()
            if piece.credit:
                source.h2.acknowledge_received_data(piece.credit, source_id)
            if piece.ends:
                return True
        return False

    def _send_data(self, piece: StreamPiece, id_: int) -> bytes | None:
        """What is left of it; None when there was no room."""
        room = min(self.h2.local_flow_control_window(id_), self.h2.max_outbound_frame_size)
        if piece.data and (room <= 0 or not self.wire.writable):
            return None
        part, rest = piece.data[:room], piece.data[room:]
        self.h2.send_data(id_, part, end_stream=piece.ends and not rest)
        return rest


class Streams(Relay):
    """`run` until either side ends."""

    def __init__(self, client: Wire, upstream: Wire, news: asyncio.Event, dice: Dice) -> None:
        super().__init__(client, upstream, news)
        self._dice = dice
        self._down, self._up = Side(client, serves=True), Side(upstream, serves=False)
        self._streams: dict[int, Stream] = {}
        self._at_server: dict[int, Stream] = {}
        self._refused = False
        """The server takes no new streams."""

    async def run(self) -> None:
        """Pass streams; then end both sides the same way."""
        while True:
            self._news.clear()
            try:
                for event in self._down.take():
                    self._from_client(event)
                for event in self._up.take():
                    self._from_server(event)
            except ProtocolError:
                break
            finally:
                self._pump()
                self._down.flush()
                self._up.flush()
            if self._over():
                break
            await self._news.wait()
        await self._end()

    def release(self) -> None:
        """The fault is over: what is held back goes on."""
        for stream in self._streams.values():
            stream.held = False
        self._news.set()

    def _over(self) -> bool:
        if self._client.lost or self._upstream.lost:
            return True
        left = self._streams.values()
        return (self._client.ended and not left) or (
            self._upstream.ended and not any(stream.homeward for stream in left)
        )

    def _from_client(self, event: events.Event | GoAway) -> None:
        if isinstance(event, events.RequestReceived):
            self._begin(event)
            return
        stream = self._streams.get(getattr(event, "stream_id", 0) or 0)
        if isinstance(event, events.DataReceived):
            if stream is None or stream.spoiled:
                self._down.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            else:
                stream.outward.append(_data(event))
        elif stream is not None and isinstance(event, events.TrailersReceived):
            stream.outward.append(StreamPiece(list(event.headers), ends=True))
        elif stream is not None and isinstance(event, events.StreamReset):
            self._forget(stream, int(event.error_code))

    def _begin(self, event: events.RequestReceived) -> None:
        headers: Headers = list(event.headers)
        named = {name: value.decode(errors="replace") for name, value in headers if name[:1] == b":"}
        asked = StreamRequest(named.get(b":method", ""), named.get(b":path", ""))
        stream = Stream(event.stream_id, self._dice.meant(asked))
        ends = event.stream_ended is not None
        mode = self._dice.tampering.mode if stream.meant else ""
        self._streams[stream.id] = stream
        stream.outward.append(StreamPiece(headers, ends=ends))
        self._dice.faulted += mode in ("status", "close", "delay")
        if mode == "status":
            answer, body = self._dice.tampering.streamed(asked)
            stream.homeward.append(StreamPiece(answer, ends=not body))
            stream.homeward.extend([StreamPiece(data=body, ends=True)] if body else [])
            stream.spoiled = True
        elif mode == "close":
            stream.homeward.append(StreamPiece(code=ErrorCodes.REFUSED_STREAM))
            stream.spoiled = True
        elif mode == "delay":
            stream.held = True
            asyncio.get_running_loop().call_later(self._dice.tampering.delay_s, self._let_go, stream)

    def _let_go(self, stream: Stream) -> None:
        stream.held = False
        self._news.set()

    def _from_server(self, event: events.Event | GoAway) -> None:
        if isinstance(event, GoAway):
            self._pass_goaway(event)
            return
        stream = self._at_server.get(getattr(event, "stream_id", 0) or 0)
        if stream is None or stream.spoiled:
            return
        if isinstance(event, events.InformationalResponseReceived):
            stream.homeward.append(StreamPiece(list(event.headers)))
        elif isinstance(event, events.ResponseReceived):
            self._respond(stream, StreamPiece(list(event.headers), ends=event.stream_ended is not None))
        elif isinstance(event, events.DataReceived):
            self._more(stream, _data(event))
        elif isinstance(event, events.TrailersReceived):
            stream.homeward.append(StreamPiece(list(event.headers), ends=True))
        elif isinstance(event, events.StreamReset):
            stream.homeward.append(StreamPiece(code=int(event.error_code)))
            stream.asked = True

    def _respond(self, stream: Stream, head: StreamPiece) -> None:
        if stream.meant and self._dice.tampering.mode == "abort":
            stream.homeward.extend([] if head.ends else [head])
            self._spoil(stream, StreamPiece(code=ErrorCodes.INTERNAL_ERROR))
        else:
            stream.homeward.append(head)

    def _more(self, stream: Stream, data: StreamPiece) -> None:
        if stream.meant and self._dice.tampering.mode == "truncate" and data.data:
            self._spoil(stream, data._replace(data=data.data[: len(data.data) // 2], ends=True))
        else:
            stream.homeward.append(data)

    def _spoil(self, stream: Stream, last: StreamPiece) -> None:
        """That is the last that the client gets of it, and the server learns that nobody wants the rest."""
        stream.homeward.append(last)
        stream.spoiled = True
        self._dice.faulted += 1

    def _pass_goaway(self, told: GoAway) -> None:
        last = told.last
        if last != _EVERY_STREAM:
            self._refused = True
            last = max(
                (one.id for one in self._streams.values() if 0 < one.upstream_id <= told.last), default=0
            )
        body = struct.pack("!I", last) + told.rest
        self._down.flush(struct.pack("!I", len(body))[1:] + bytes([_GOAWAY]) + bytes(5) + body)
        for stream in list(self._streams.values()):
            if self._refused and not stream.spoiled and not 0 < stream.upstream_id <= told.last:
                self._drop(stream)  # the client knows by `last` that nobody has seen it

    def _pump(self) -> None:
        """Send what there is room for."""
        for stream in list(self._streams.values()):
            try:
                if not (stream.held or stream.spoiled or stream.asked) and self._is_there(stream):
                    stream.asked = self._up.send(stream.outward, stream.upstream_id, self._down, stream.id)
                back = self._up, stream.upstream_id
                stream.answered = stream.answered or self._down.send(stream.homeward, stream.id, *back)
            except ProtocolError:  # the other end has ended it meanwhile
                self._forget(stream)
            if stream.answered and (stream.asked or stream.spoiled):
                self._forget(stream)

    def _is_there(self, stream: Stream) -> bool:
        """Whether the server knows it, or may be told of it now."""
        if not stream.upstream_id:
            room = self._up.h2.remote_settings.max_concurrent_streams - self._up.h2.open_outbound_streams
            if room <= 0 or self._refused:
                return False
            stream.upstream_id = self._up.h2.get_next_available_stream_id()
            self._at_server[stream.upstream_id] = stream
        return True

    def _forget(self, stream: Stream, code: int = ErrorCodes.CANCEL) -> None:
        """It is over; who still thinks otherwise is told."""
        self._drop(stream)
        for side, id_, why in (
            (self._up, stream.upstream_id, code),
            (self._down, stream.id, ErrorCodes.NO_ERROR),
        ):
            if id_ and not _closed(side.h2, id_):
                side.h2.reset_stream(id_, why)

    def _drop(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        self._at_server.pop(stream.upstream_id, None)


def _data(event: events.DataReceived) -> StreamPiece:
    return StreamPiece(
        data=event.data, ends=event.stream_ended is not None, credit=event.flow_controlled_length
    )


def _closed(connection: H2Connection, id_: int) -> bool:
    stream = connection.streams.get(id_)
    return stream is None or stream.closed
