"""What is in stock, and what it costs: the shop's dependency. Standard library only."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OFFER = {"stock": 17, "price_cents": 1999, "tax_percent": 19, "shipping_days": 2}


class Inventory(BaseHTTPRequestHandler):
    """`/offer/ITEM` answers everything at once, `/stock/ITEM` and its like one field."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        field, _, item = self.path.strip("/").partition("/")
        if field != "offer" and field not in OFFER:
            self.send_error(404)
            return
        offer = OFFER if field == "offer" else {field: OFFER[field]}
        body = json.dumps({"item": item, **offer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
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
    Server(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Inventory).serve_forever()
