"""Answers on a port, and takes 300 MiB when it is told to: GET /take."""

import http.server

kept = []


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/take":
            kept.append(b"x" * (300 << 20))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Answer).serve_forever()
