"""A source of exchange rates. Standard library only."""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Source(BaseHTTPRequestHandler):
    """Every path is a currency, and every currency costs the same; one answer a connection."""

    wbufsize = -1

    def do_GET(self) -> None:
        body = b'{"rate": 1.0842}\n'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up, and about connections that are cut."""

    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    Server(("127.0.0.1", int(os.environ["PORT"])), Source).serve_forever()
