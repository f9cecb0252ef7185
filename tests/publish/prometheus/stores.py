"""Stores that misbehave: a small HTTP server that answers every remote write as it is told, or not at all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Stubborn:
    """What it answers, and what it was asked."""

    status: int = 204
    words: str = ""
    after_s: float = 0.0
    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def stubborn(status: int = 204, words: str = "", after_s: float = 0.0) -> Iterator[Stubborn]:
    """A server that gives this answer after that time; what is still waiting for it is let go at the end."""
    told = Stubborn(status, words, after_s)

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.headers.append(dict(self.headers))
            told.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.set()
            told.over.wait(told.after_s)
            if not told.over.is_set():
                self.send_response(told.status)
                self.send_header("Content-Length", str(len(told.words.encode())))
                self.end_headers()
                self.wfile.write(told.words.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/write"
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        serving.join()
        server.server_close()
