"""Orders: taken by POST /orders, counted by GET /orders/count, kept in a file. Standard library only.

By itself an order is on the disk (fsync) before it is acknowledged, and one that cannot be written is refused. With
`--fragile` it is acknowledged at once and written with others, once a second, by a thread that passes over what fails.
"""

import json
import logging
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

log = logging.getLogger("orders")

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
FILE = Path(os.environ.get("ORDERS_FILE", "/tmp/orders.log"))
FRAGILE = "--fragile" in sys.argv[1:]
WRITTEN_EVERY_S = 1.0


class Orders:
    """All orders, by their number in the file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file = os.open(FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._waiting: list[str] = []
        whole = FILE.read_bytes().rpartition(b"\n")[0]
        self.count = whole.count(b"\n") + 1 if whole else 0
        """What a broken line at the end of the file was, nobody was told to be an order."""
        os.ftruncate(self._file, len(whole) + 1 if whole else 0)

    def take(self, order: str) -> None:
        """One more. Raises OSError when it cannot be kept."""
        with self._lock:
            if FRAGILE:
                self._waiting.append(order)
            else:
                self._append([order])
            self.count += 1

    def _append(self, orders: list[str]) -> None:
        size = os.fstat(self._file).st_size
        data = "".join(f"{json.dumps(order)}\n" for order in orders).encode()
        try:
            if os.write(self._file, data) < len(data):
                raise OSError("only a part of it was written")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def write_forever(self) -> None:
        """What waits, once a second."""
        while True:
            time.sleep(WRITTEN_EVERY_S)
            with self._lock:
                waiting, self._waiting = self._waiting, []
                try:
                    self._append(waiting)
                except OSError:
                    log.exception("%d orders could not be written", len(waiting))


class Web(BaseHTTPRequestHandler):
    """/health, /orders, /orders/count."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        """How many there are."""
        known = {"/health": "well", "/orders/count": json.dumps({"orders": {"count": ORDERS.count}})}
        self._answer(200 if self.path in known else 404, known.get(self.path, "there is no such page"))

    def do_POST(self) -> None:
        """Take one."""
        order = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        try:
            ORDERS.take(order)
        except OSError as error:
            log.error("an order could not be written: %s", error)
            self._answer(503, "try again")
        else:
            self._answer(201, "taken")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """No line for each request."""


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    ORDERS = Orders()
    if FRAGILE:
        threading.Thread(target=ORDERS.write_forever, daemon=True).start()
    ThreadingHTTPServer(ADDRESS, Web).serve_forever()
