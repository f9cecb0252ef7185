"""A departure board: a worker works out anew what is on it, and the page says how old that is. Standard library only.

By itself the worker has the priority that every program has. With `--fragile` it is to disturb nobody, at the lowest.
"""

import hashlib
import logging
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

log = logging.getLogger("board")

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
EVERY_S = 0.5
ROUNDS = 300_000
"""Of the work that a new board is: some 100 ms of CPU time."""
STALE_S = 1.5


class Board(BaseHTTPRequestHandler):
    """/board, while it is not stale; /health."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    text: ClassVar[str] = ""
    made_at: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        age_s = time.monotonic() - self.made_at
        if self.path == "/health":
            self._say(200, "well")
        elif age_s > STALE_S:
            self._say(503, f"the board is {age_s:.1f} s old")
        else:
            self._say(200, self.text)

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


def renew_forever(fragile: bool) -> None:
    """Work out the board again and again."""
    if fragile:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    pause = threading.Event()
    while True:
        Board.text = hashlib.pbkdf2_hmac("sha256", str(time.time()).encode(), b"board", ROUNDS).hex()
        late_s, Board.made_at = time.monotonic() - Board.made_at, time.monotonic()
        if late_s > STALE_S:
            log.warning("a new board after %.1f s", late_s)
        pause.wait(EVERY_S)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    Board.made_at = time.monotonic()
    threading.Thread(target=renew_forever, args=("--fragile" in sys.argv[1:],), daemon=True).start()
    server = ThreadingHTTPServer(ADDRESS, Board)
    server.daemon_threads = True
    server.serve_forever()
