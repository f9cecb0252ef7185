"""An app that fails once in two hundred requests, whatever is done to it."""

import random
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """200, but for 0.5 % of the time."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer at once."""
        self.send_response(503 if random.random() < 0.005 else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ThreadingHTTPServer.request_queue_size = 64
ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
