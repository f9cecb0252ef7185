"""The vault: issues passes, and hands out its paper to whoever shows one that is valid by the vault's clock."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from passes import is_valid, issue

ADDRESS = ("127.0.0.1", int(os.environ.get("PORT", "9000")))


class Vault(BaseHTTPRequestHandler):
    """/pass gives a pass; /paper wants one."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/pass":
            self._say(200, issue())
        elif is_valid(self.headers.get("Authorization", "").removeprefix("Bearer ")):
            self._say(200, "the paper\n")
        else:
            self._say(401, "this pass is not valid now\n")

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(ADDRESS, Vault)
    server.daemon_threads = True
    server.serve_forever()
