"""The reading room: fetches the paper from the vault with a pass that it keeps as long as it can.

By itself it takes the vault's word: a pass that is refused is renewed at once and shown again. With `--fragile` it
trusts its own clock only: a pass is renewed when it says that it ends soon, and a refusal is an error.
"""

import logging
import os
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from passes import ends_at

log = logging.getLogger("web")

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
VAULT = os.environ.get("VAULT", "127.0.0.1:9000")
TIMEOUT_S = 1.0
SOON_S = 10.0


def ask(path: str, ticket: str = "") -> tuple[int, str]:
    """Status and text of what the vault answers."""
    connection = HTTPConnection(VAULT, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {ticket}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Pass:
    """The one pass of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ticket = ""

    def now(self) -> str:
        """The one in use; a new one when there is none, or its end is near by our own clock."""
        with self._lock:
            if not self._ticket or ends_at(self._ticket) - time.time() < SOON_S:
                self._ticket = ask("/pass")[1]
            return self._ticket

    def refused(self, ticket: str) -> str:
        """Another one instead of that, unless somebody has renewed it already."""
        with self._lock:
            if self._ticket == ticket:
                log.warning("the vault refused our pass: renewed it")
                self._ticket = ask("/pass")[1]
            return self._ticket


PASS = Pass()
FRAGILE = "--fragile" in sys.argv[1:]


def paper() -> tuple[int, str]:
    """What the reader gets."""
    ticket = PASS.now()
    status, text = ask("/paper", ticket)
    if status == 401 and not FRAGILE:
        status, text = ask("/paper", PASS.refused(ticket))
    if status != 200:
        log.error("the vault says %d: %s", status, text.strip())
        return 502, "no paper today\n"
    return status, text


class Web(BaseHTTPRequestHandler):
    """/health, and /paper."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        try:
            status, text = (200, "well\n") if self.path == "/health" else paper()
        except (OSError, HTTPException) as error:
            log.error("no word from the vault: %s", error)
            status, text = 503, "no vault today\n"
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    server = ThreadingHTTPServer(ADDRESS, Web)
    server.daemon_threads = True
    server.serve_forever()
