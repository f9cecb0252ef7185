"""One end of a TCP connection in asyncio: what came and was not taken yet, and ways to end it."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from typing import cast

_HIGH_BYTES = 256 * 1024
_LOOK_S = 0.005
_TCP_CLOSE = 7  # <net/tcp_states.h>
_AT_ONCE = struct.pack("ii", 1, 0)  # struct linger: on, 0 s


class Wire(asyncio.Protocol):
    """`news` is set whenever something came or ended; both ends of a passage share one."""

    def __init__(self, news: asyncio.Event) -> None:
        self.buffer = bytearray()
        self.ended = False
        """Nothing more will come."""
        self.lost = False
        """Nothing can be sent any more."""
        self.was_reset = False
        self.news = news
        self._writable = asyncio.Event()
        self._writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio does not for protocol 0

    def data_received(self, data: bytes) -> None:
        self.took(data)
        self.news.set()

    def took(self, data: bytes) -> None:
        """So much more is there to be taken; the other end waits when that is a lot."""
        self.buffer += data
        if len(self.buffer) > _HIGH_BYTES:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.ended = True
        self.news.set()
        return True  # it may still want its answer

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = self.lost = True
        self.was_reset = isinstance(exc, OSError)
        self._writable.set()
        self.news.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self.news.set()

    def consume(self, count: int) -> bytes:
        """Take so many bytes of what came."""
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        if not self.lost and not self.ended and len(self.buffer) <= _HIGH_BYTES:
            self.transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Send; waits while the other end does not read."""
        if not self.lost:
            self.put(data)
            await self._writable.wait()

    def put(self, data: bytes) -> None:
        """Send without waiting: see `writable`."""
        self.transport.write(data)

    @property
    def writable(self) -> bool:
        """Whether the other end reads what is sent; `news` is set when it does again."""
        return self._writable.is_set()

    def finish(self) -> None:
        """Send no more; what the other end sends still comes."""
        if not self.lost and not self.transport.is_closing():
            with contextlib.suppress(OSError):  # it was reset, and we are about to be told
                self.transport.write_eof()

    async def delivered(self) -> None:
        """Wait until the other end has acknowledged all that was sent, its end included (SIOCOUTQ of tcp(7))."""
        connection = self.transport.get_extra_info("socket")
        while not self.lost and (self.transport.get_write_buffer_size() or _unacknowledged(connection)):
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """End it politely, after what is still to be sent."""
        self.transport.close()

    def reset(self) -> None:
        """End it by a reset (SO_LINGER of socket(7)); what is not sent yet is not sent."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.lost:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()


def _unacknowledged(connection: socket.socket) -> int:
    if connection.fileno() < 0:  # closed after a reset, of which we are about to be told
        return 0
    state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    if state[0] == _TCP_CLOSE:  # reset after its end had come: nobody is told, and the count stays
        return 0
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int.from_bytes(answer, sys.byteorder)
