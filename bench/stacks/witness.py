"""A client beside the app, which knows nothing of ChaosLab: one line of JSON for each request, on its own connection.

Usage: witness.py URL. Twenty requests a second on average, at times of a Poisson process; each may take a second.
"""

import http.client
import json
import os
import random
import sys
import threading
import time
import urllib.error
import urllib.request

RATE = 20.0
TIMEOUT_S = 1.0


def ask(url: str, number: int) -> None:
    """One request, and what came of it: `s` is the status, null when there was no answer."""
    at, began, status = time.time(), time.monotonic(), None
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            answer.read()
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except (OSError, http.client.HTTPException):
        pass
    took_ms = round((time.monotonic() - began) * 1e3, 1)
    told = {"witness": number, "at": round(at, 3), "ms": took_ms, "s": status}
    os.write(1, json.dumps(told).encode() + b"\n")  # in one piece, as several threads tell


def main() -> None:
    """Ask until killed."""
    due, number = time.monotonic(), 0
    while True:
        due += random.expovariate(RATE)
        time.sleep(max(0.0, due - time.monotonic()))
        threading.Thread(target=ask, args=(sys.argv[1], number), daemon=True).start()
        number += 1


if __name__ == "__main__":
    main()
