"""The shop's front: sells things. `--fragile` leaves out every safety net, to see what they were good for."""

import json
import logging
import os
import sys
import time
from itertools import count

from flask import Flask, Response, jsonify
from offers import FragileOffers, NoOffer, Offers
from orders import FragileOrders, Orders
from receipts import FragileReceipts, Receipts
from werkzeug.serving import WSGIRequestHandler, make_server

WARM_UP_S = 3.0
"""The cold start of the fragile shop: it stands for migrations, warm-up queries and the like."""


class Handler(WSGIRequestHandler):
    """Keep-alive, one segment per answer, no line per request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, *_: object) -> None:
        """Requests are not news."""


def shop(*, fragile: bool) -> Flask:
    """The application."""
    app = Flask("shop")
    numbers = count(1)
    offers = FragileOffers() if fragile else Offers()
    orders = FragileOrders() if fragile else Orders()
    receipts = FragileReceipts() if fragile else Receipts()

    @app.route("/checkout", methods=["GET", "POST"])
    def checkout() -> tuple[Response, int]:
        number = next(numbers)
        try:
            offer = offers.offer("teapot")
        except NoOffer:
            return jsonify(error="the inventory is away and its last offer is not known"), 503
        order = {"order": number, "at": round(time.time(), 3), **offer}
        orders.take(order)
        receipts.keep(number, json.dumps(order))
        return jsonify(order), 200

    @app.get("/orders")
    def taken() -> Response:
        return jsonify(taken=orders.taken, waiting=orders.waiting)

    @app.get("/kept")
    def kept() -> Response:
        return jsonify(receipts=receipts.kept, orders=orders.waiting)

    @app.get("/health")
    def health() -> Response:
        troubles = {"inventory": offers.stale, "disk": bool(orders.waiting), "memory": receipts.short}
        degraded = [name for name, troubled in troubles.items() if troubled]
        return jsonify(status="degraded" if degraded else "ok", degraded=degraded)

    return app


def main() -> None:
    """Serve until killed."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    fragile = "--fragile" in sys.argv[1:]
    if fragile:
        time.sleep(WARM_UP_S)
    port = int(os.environ.get("PORT", "8000"))
    make_server(
        "127.0.0.1", port, shop(fragile=fragile), threaded=True, request_handler=Handler
    ).serve_forever()


if __name__ == "__main__":
    main()
