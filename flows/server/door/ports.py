"""Which ports of the loopback a local Prefect server may take."""

import socket

HOST = "127.0.0.1"
FIRST, LAST = 4200, 4299


def first_free(first: int = FIRST) -> int | None:
    """The first port, from that one on, that nothing holds; None when all are taken."""
    return next((port for port in range(first, LAST + 1) if is_free(port)), None)


def is_free(port: int) -> bool:
    """Whether it could be bound just now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
