"""Look from outside at what the shop keeps: `GET /receipts/256` answers 409 when that is more than 256, else 200.

receipts              in memory
receipts-while-short  in memory while more than 75 % of the container's is in use
orders                that wait in memory for room on the disk
connections           to the inventory that are open, by the kernel's table
torn-orders           lines of the order log that are no whole order

It is a process of its own that is started once: a look costs the machine no start of a program.
"""

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from orders import PATH
from receipts import memory_used_share

SHORT_ABOVE = 0.75
ESTABLISHED = "01"
INVENTORY_PORT = int(os.environ.get("INVENTORY_PORT", "9000"))
URL = os.environ.get("SHOP_URL", "http://127.0.0.1:8000")


def told(what: str) -> int:
    """What the shop says."""
    with urllib.request.urlopen(f"{URL}/kept", timeout=2) as answer:
        return int(json.load(answer)[what])


def receipts_while_short() -> int:
    """None count while there is memory enough."""
    short = (memory_used_share() or 0.0) > SHORT_ABOVE
    return told("receipts") if short else 0


def connections() -> int:
    """Open ends that lead to the inventory (proc(5), /proc/net/tcp)."""
    rows = (line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:])
    return sum(int(row[2].partition(":")[2], 16) == INVENTORY_PORT and row[3] == ESTABLISHED for row in rows)


def torn_orders() -> int:
    """What comes after the last end of a line is still being written."""
    return sum(not whole(line) for line in PATH.read_bytes().split(b"\n")[:-1])


def whole(line: bytes) -> bool:
    """Whether it is one order."""
    try:
        return "order" in json.loads(line)
    except ValueError:
        return False


COUNTS: Mapping[str, Callable[[], int]] = {
    "receipts": lambda: told("receipts"),
    "receipts-while-short": receipts_while_short,
    "orders": lambda: told("orders"),
    "connections": connections,
    "torn-orders": torn_orders,
}


class Kept(BaseHTTPRequestHandler):
    """`/WHAT/MOST`."""

    def do_GET(self) -> None:
        what, _, most = self.path.strip("/").partition("/")
        if what not in COUNTS or not most.isdecimal():
            self._say(404, f"one of {', '.join(COUNTS)}, and how many are allowed: /receipts/256")
            return
        try:
            found = COUNTS[what]()
        except OSError as error:
            self._say(502, f"{what}: {error}")
            return
        self._say(409 if found > int(most) else 200, f"{found} {what}, {most} are allowed")

    def _say(self, status: int, words: str) -> None:
        body = f"{words}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Looks are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up."""

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


if __name__ == "__main__":
    Server(("127.0.0.1", int(os.environ.get("PORT", "8100"))), Kept).serve_forever()
