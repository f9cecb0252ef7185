"""The ledger: on a question it sends its lines by UDP, one datagram each. Standard library only."""

import json
import os
import socket

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "9000")))
LINES = [f"line {number}" for number in range(8)]


def main() -> None:
    """Answer everybody who asks."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ledger:
        ledger.bind(ADDRESS)
        while True:
            _, whom = ledger.recvfrom(1500)
            for number, line in enumerate(LINES):
                ledger.sendto(json.dumps({"number": number, "of": len(LINES), "line": line}).encode(), whom)


if __name__ == "__main__":
    main()
