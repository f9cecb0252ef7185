"""The mark of sockets of our own, so that what counts the app's packets can leave ours out (SO_MARK, socket(7))."""

import contextlib
import socket

OURS = 0xC4A05
"""Nobody routes by it; it only tells."""
_SO_MARK = getattr(socket, "SO_MARK", 36)


def mark(connection: socket.socket) -> None:
    """Mark it as ours, where we may: it needs CAP_NET_ADMIN, as the faults do that look at it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, _SO_MARK, OURS)
