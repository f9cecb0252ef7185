"""A front that counts its answers in Redis, over connections that it keeps; /safe answers without the count, too."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

STORE = redis.Redis(host="store", port=6379, socket_timeout=0.3, socket_connect_timeout=0.3)


class Front(BaseHTTPRequestHandler):
    """One count an answer."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        status = 200
        try:
            STORE.incr("answers")
        except redis.RedisError:
            status = 200 if self.path.startswith("/safe") else 503
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Requests are not news."""


class Server(ThreadingHTTPServer):
    """Calm about callers that hang up."""

    request_queue_size = 256
    daemon_threads = True


Server(("127.0.0.1", 8000), Front).serve_forever()
