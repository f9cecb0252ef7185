"""A map as JSON, 100 KB: compressed for clients that take that, with `--fragile` for none. Standard library only."""

import gzip
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLACES = [{"name": f"place {i}", "at": [i * 0.25, i * 0.125], "kind": "village"} for i in range(1700)]
MAP = json.dumps(PLACES).encode()
COMPRESSED = gzip.compress(MAP)


class Atlas(BaseHTTPRequestHandler):
    """`/map` is the map, `/health` is short."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    fragile = False

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(b"ok", {"Content-Type": "text/plain"})
        elif self.fragile or "gzip" not in self.headers.get("Accept-Encoding", ""):
            self._answer(MAP, {"Content-Type": "application/json"})
        else:
            self._answer(COMPRESSED, {"Content-Type": "application/json", "Content-Encoding": "gzip"})

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up."""

    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    Atlas.fragile = "--fragile" in sys.argv[1:]
    Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Atlas).serve_forever()
