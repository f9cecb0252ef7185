"""A signed quote on demand: with a bound on everything it uses, or `--fragile` with none. Standard library only."""

import contextlib
import hashlib
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, TextIO

log = logging.getLogger("quotes")

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
QUOTES = Path(__file__).with_name("quotes.txt")
WORKERS = 4
PATIENCE_S = 1.0
"""How long a client may take to say what it wants."""
ROUNDS = 30_000
"""Of the signature: some 10 ms of CPU time."""
KEPT_OPEN = 400
"""Files that the fragile one has open at the same time before it closes one."""
WARM_UP_S = 3.0
"""What the fragile one does before it listens."""


def sign(quote: str) -> str:
    """A signature that costs CPU time."""
    return hashlib.pbkdf2_hmac("sha256", quote.encode(), b"quotes", ROUNDS).hex()


class Bounded:
    """As many threads as were started at the beginning, one descriptor each, every quote signed once."""

    def __init__(self) -> None:
        self._body = "".join(f"{quote} {sign(quote)}\n" for quote in QUOTES.read_text().splitlines()).encode()
        self._listener = socket.create_server(ADDRESS, backlog=256)
        self._ending = threading.Event()
        self._workers = [threading.Thread(target=self._work) for _ in range(WORKERS)]

    def serve(self) -> None:
        """Until SIGTERM; whoever has been accepted by then is answered first."""
        signal.signal(signal.SIGTERM, lambda *_: self._ending.set())
        self._listener.settimeout(0.1)
        for worker in self._workers:
            worker.start()
        for worker in self._workers:
            worker.join()
        log.warning("told to end: everybody was answered")

    def _work(self) -> None:
        short = False
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:
                if not short:
                    log.warning("cannot accept (%s): clients wait in the queue", error.strerror)
                short = True
                time.sleep(0.02)
                continue
            short = False
            with connection, contextlib.suppress(OSError):
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE_S)
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(4096)
            if not piece:
                return
            request += piece
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self._body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + self._body)


class Unbounded(BaseHTTPRequestHandler):
    """A thread for each connection, which stays; a file opened, and left so, and a quote signed for each request."""

    opened: ClassVar[deque[TextIO]] = deque(maxlen=KEPT_OPEN)
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        file = QUOTES.open()
        self.opened.append(file)
        quote = file.readline().strip()
        body = f"{quote} {sign(quote)}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


def main() -> None:
    """Serve until told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if "--fragile" not in sys.argv[1:]:
        Bounded().serve()
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(WARM_UP_S)
    server = ThreadingHTTPServer(ADDRESS, Unbounded)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
