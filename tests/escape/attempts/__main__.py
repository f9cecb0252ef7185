"""`python3 -S attempts.pyz [setup|probe|jump|…]`: all attempts, or one of those that begin elsewhere."""

import contextlib
import http.server
import os
import signal
import socket
import sys
import time

from . import aside, descriptors, places
from .core import ATTEMPTS, TIMEOUT_S, Refused, carry_out, tell

READY_PORT = 8001
_PAUSE_S = 0.006
"""The agent takes 200 lines a second of each stream."""
_PATIENCE_S = {"makes_tasks_without_end": 15.0}
"""Thousands of threads take a busy machine a while."""
_GREEDY = "takes_more_memory_than_its_limit"
_LAST = ("takes_a_mount_away", "hides_memory_in_a_tmpfs", "makes_tasks_without_end", "ends_pid_1", _GREEDY)
"""Those after which, where there is no wall, others might not be answered; the greedy one when everybody else has
begun: where the agent is the limit, it may end more of us than one."""


class Hello(http.server.BaseHTTPRequestHandler):
    """Answers 200 to everything."""

    def do_GET(self) -> None:
        """The one answer."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def attempt_all() -> None:
    """One line each; the last one when the agent has been told that we are ready, and the races have begun."""
    descriptors.look()
    aside.arm()
    with contextlib.suppress(Refused):
        places.strangers()
    for name in sorted(ATTEMPTS, key=lambda name: _LAST.index(name) if name in _LAST else -1):
        if name == _GREEDY:
            aside.GO.write_text("")
            _begin_the_races()
        tell(carry_out(ATTEMPTS[name], _PATIENCE_S.get(name, TIMEOUT_S)))
        time.sleep(_PAUSE_S)


def _begin_the_races() -> None:
    """In a process of their own, which also says that we are ready: somebody listens."""
    server = socket.create_server(("127.0.0.1", READY_PORT))
    if os.fork() == 0:
        aside.race()
    server.close()


def main() -> None:
    """What the first argument says."""
    what = sys.argv[1] if len(sys.argv) > 1 else "all"
    match what:
        case "all":
            attempt_all()
            time.sleep(3600)
        case "plain":
            attempt_all()
            os.killpg(0, signal.SIGKILL)
        case "setup":
            aside.daemon()
        case "probe":
            aside.probe()
        case "jump":
            aside.jump()
        case "another":
            tell(aside.another())
            time.sleep(3600)
        case "stop":
            aside.stop_what_is_being_started()
        case "quiet":
            time.sleep(3600)
        case "web":
            http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Hello).serve_forever()


main()
