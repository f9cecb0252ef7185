"""TLS handshakes of our own beside the app's traffic, timed: TLS 1.2, which takes two round trips.

Both ends are ours and agree on an anonymous cipher (RFC 4492 section 2.5), so no certificate is needed; what is spoken
is real TLS all the same, and every flight of it is a packet under the same rule as the target's.
"""

import contextlib
import socket
import ssl
import time

_PATIENCE_S = 60.0
_ANONYMOUS = "aNULL:@SECLEVEL=0"


def timed(port: int) -> dict[str, float | str]:
    """How long a connection and a handshake took, in ms; or why there was none."""
    began = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected = time.monotonic()
            _context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(connection).close()
            ended = time.monotonic()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; no such cipher here
        return {"tls_refused": str(error)}
    return {"tls_connect_ms": (connected - began) * 1e3, "tls_handshake_ms": (ended - connected) * 1e3}


def serve(connection: socket.socket) -> None:
    """The answering end: one handshake, and then nothing."""
    with connection, contextlib.suppress(OSError):
        connection.settimeout(_PATIENCE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with _context(ssl.PROTOCOL_TLS_SERVER).wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)


def _context(side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    if side == ssl.PROTOCOL_TLS_CLIENT:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_ANONYMOUS)
    return context
