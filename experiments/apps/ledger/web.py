"""The teller: fetches the ledger's lines and reads them out over HTTP.

By itself it puts every line where its number says, takes it once, and asks again for what has not come. With
`--fragile` it takes the lines as they come, as many as there should be.
"""

import json
import logging
import os
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

log = logging.getLogger("web")

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "8000")))
LEDGER = ("127.0.0.1", int(os.environ.get("LEDGER_PORT", "9000")))
PATIENCE_S = 0.3
QUESTIONS = 4


def careful() -> list[str]:
    """The lines in their order."""
    lines: dict[int, str] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE_S)
        for _ in range(QUESTIONS):
            asking.sendto(b"?", LEDGER)
            try:
                while True:
                    said = json.loads(asking.recv(1500))
                    lines[said["number"]] = said["line"]
                    if len(lines) == said["of"]:
                        return [line for _, line in sorted(lines.items())]
            except TimeoutError:
                log.warning("only %d lines have come: asking again", len(lines))
    raise TimeoutError("the ledger does not answer")


def trusting() -> list[str]:
    """The lines as they come."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE_S)
        asking.sendto(b"?", LEDGER)
        first = json.loads(asking.recv(1500))
        rest = [json.loads(asking.recv(1500)) for _ in range(first["of"] - 1)]
        return [said["line"] for said in (first, *rest)]


READ = trusting if "--fragile" in sys.argv[1:] else careful


class Web(BaseHTTPRequestHandler):
    """/health, and /statement."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        try:
            status, text = (200, "well") if self.path == "/health" else (200, ", ".join(READ()))
        except TimeoutError as error:
            log.error("no statement: %s", error)
            status, text = 503, "no statement now"
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
