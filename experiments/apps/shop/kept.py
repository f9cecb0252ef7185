"""Look from outside at what the shop keeps: `kept.py receipts 256` exits with 1 when that is more than 256.

receipts              in memory
receipts-while-short  in memory while more than 75 % of the container's is in use
orders                that wait in memory for room on the disk
connections           to the inventory that are open, by the kernel's table
torn-orders           lines of the order log that are no whole order
"""

import json
import os
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from orders import PATH
from receipts import memory_used_share

SHORT_ABOVE = 0.75
ESTABLISHED = "01"
INVENTORY_PORT = int(os.environ.get("INVENTORY_PORT", "9000"))
URL = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/kept"


def told(what: str) -> int:
    """What the shop says."""
    with urllib.request.urlopen(URL, timeout=2) as answer:
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


def main() -> None:
    """Say how many, and whether that is too many."""
    what, most = sys.argv[1], int(sys.argv[2])
    found = COUNTS[what]()
    print(f"{found} {what}, {most} are allowed")
    sys.exit(found > most)


if __name__ == "__main__":
    main()
