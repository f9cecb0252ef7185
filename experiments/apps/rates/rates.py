"""What a currency costs, by the first of two sources that answers in time; with `--fragile` by the first, whenever.

Standard library only.
"""

import logging
import os
import sys
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler

from source import Server

log = logging.getLogger("rates")

SOURCES = os.environ.get("SOURCES", "127.0.0.1:9001 127.0.0.1:9002").split()
WITHIN_S = 0.4
"""What a source may take, to connect and to answer each."""


class NoRate(Exception):
    """No source has one."""


class Rates(BaseHTTPRequestHandler):
    """`/health` is fine, any other path is a currency."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    fragile = False

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, b"ok")
            return
        try:
            self._answer(200, asked_of(SOURCES[:1], None) if self.fragile else asked_of(SOURCES, WITHIN_S))
        except NoRate:
            self._answer(503, b"no source has a rate")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


def asked_of(sources: list[str], within_s: float | None) -> bytes:
    """The answer of the first of them that has one. Raises NoRate."""
    for source in sources:
        try:
            return ask(source, within_s)
        except (OSError, HTTPException) as error:
            log.warning("%s has no rate (%s)", source, error or type(error).__name__)
    raise NoRate


def ask(source: str, within_s: float | None) -> bytes:
    """One answer on a connection of its own. Raises OSError or HTTPException."""
    with closing(HTTPConnection(source, timeout=within_s)) as connection:
        connection.request("GET", "/eur")
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise HTTPException(f"status {answer.status}")
    return body


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    Rates.fragile = "--fragile" in sys.argv[1:]
    Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Rates).serve_forever()
