"""Previews that cost CPU time to draw: as fresh as there is time for, or `--fragile` always. Standard library only."""

import hashlib
import json
import logging
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
ROUNDS = 30_000
"""Of what stands for drawing: some 10 ms of CPU time."""


def draw(number: int) -> str:
    """A preview."""
    return hashlib.pbkdf2_hmac("sha256", str(number).encode(), b"previews", ROUNDS).hex()


class Thrifty:
    """One is drawn at a time; who comes meanwhile gets the last one. So no request ever waits for another's."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._last, self._drawn_at = draw(0), time.monotonic()

    def preview(self, number: int) -> dict[str, object]:
        """A new one, or the last one and its age."""
        if self._turn.acquire(blocking=False):
            try:
                self._last, self._drawn_at = draw(number), time.monotonic()
            finally:
                self._turn.release()
        return {"preview": self._last, "age_s": round(time.monotonic() - self._drawn_at, 3)}


class Lavish:
    """Everybody gets a new one, however many are being drawn already."""

    def preview(self, number: int) -> dict[str, object]:
        """A new one."""
        return {"preview": draw(number), "age_s": 0.0}


class Previews(BaseHTTPRequestHandler):
    """`/preview` and `/health`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    previews: Thrifty | Lavish
    numbers = iter(range(1, sys.maxsize))

    def do_GET(self) -> None:
        if self.path == "/preview":
            self.answer(200, self.previews.preview(next(self.numbers)))
        else:
            self.answer(200 if self.path == "/health" else 404, {})

    def answer(self, status: int, body: dict[str, object]) -> None:
        """A JSON object."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up."""

    request_queue_size = 256
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    Previews.previews = Lavish() if "--fragile" in sys.argv[1:] else Thrifty()
    Server(ADDRESS, Previews).serve_forever()
