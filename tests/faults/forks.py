"""A server behind a wrapper, a master with workers: trees for faults to aim at."""

import sys

SERVE = """
import os, socket, sys, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for _ in range(int(sys.argv[2])):
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
print("up", flush=True)
time.sleep(60)
"""


def server(port: int, workers: int = 0) -> list[str]:
    """Listens by itself; its workers inherit the socket."""
    return [sys.executable, "-c", SERVE, str(port), str(workers)]


def wrapped(port: int, workers: int = 0) -> list[str]:
    """The same below a shell that waits for it, as `npm start` and many a start script do."""
    return ["sh", "-c", '"$@"; exit $?', "sh", *server(port, workers)]
