"""A line between a worker and a console that can be cut."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cable:
    """Listens at a port of its own and hands on to another, while it is whole."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.to = 0
        self._whole = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self, to: int) -> None:
        self.to = to
        self._whole.set()

    def cut(self) -> None:
        self._whole.clear()
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                came, _ = self._listening.accept()
            except OSError:
                return
            if not self._whole.is_set():
                came.close()
                continue
            try:
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                came.close()
                continue
            for one, other in ((came, there), (there, came)):
                threading.Thread(target=self._hand_on, args=(one, other), daemon=True).start()

    def _hand_on(self, one: socket.socket, other: socket.socket) -> None:
        with self._lock:
            self._open.add(one)
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)
        with self._lock:
            self._open.discard(one)
            one.close()


@contextmanager
def cable() -> Iterator[Cable]:
    made = Cable()
    try:
        yield made
    finally:
        made.close()
