"""A post far from its headquarters: it asks a name server on the internet, and leads as long as its lease is renewed.

GET /health says that it lives, /news what the internet last said, /lead whether it leads. `--fragile` has no last news
to fall back on, and does not apply for a lease again that it lost while it stood still.
"""

import http.server
import socket
import sys
import threading
import time

FRAGILE = "--fragile" in sys.argv
SERVER, WITHIN_S = ("8.8.8.8", 53), 0.5
# "Which servers are those of the root zone?" (RFC 1035, 4.1), with its length before it, as over TCP.
QUESTION = b"\x00\x11" + b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x00\x00\x02\x00\x01"
LEASE_S, RENEW_EVERY_S = 0.8, 0.1


class Lease:
    """Who leads is said by a clock: a lease that was not renewed in time is another's."""

    def __init__(self) -> None:
        self.until = time.time() + LEASE_S
        self.leads = True

    def renew_forever(self) -> None:
        while True:
            now = time.time()
            if now > self.until and FRAGILE:
                self.leads = False
                return
            self.until = now + LEASE_S
            time.sleep(RENEW_EVERY_S)


def news() -> bytes:
    """What the internet says now; raises OSError."""
    with socket.create_connection(SERVER, WITHIN_S) as connection:
        connection.sendall(QUESTION)
        if not (answer := connection.recv(512)):
            raise OSError("closed without an answer")
        return answer


class Outpost(http.server.BaseHTTPRequestHandler):
    """One request at a time is enough for a post."""

    def do_GET(self) -> None:
        match self.path:
            case "/news":
                self.tell_news()
            case "/lead":
                self.say(200 if lease.leads else 503)
            case _:
                self.say(200)

    def tell_news(self) -> None:
        try:
            news()
        except OSError as error:
            print(f"no news: {error}", flush=True)
            self.say(502 if FRAGILE else 203)  # 203: the last known ones
        else:
            self.say(200)

    def say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing for each request."""


lease = Lease()
threading.Thread(target=lease.renew_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Outpost).serve_forever()
