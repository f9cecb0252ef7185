"""Small programs that play the app: run as `python peers.py echo PORT…` or `python peers.py ping PORT`."""

import contextlib
import socket
import socketserver
import sys
import threading
import time


class Echo(socketserver.BaseRequestHandler):
    """Answers `B<n>` with n bytes, `E<n>` with n bytes and the end, anything else with itself."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while message := self.request.recv(65536):
                if message[:1] in b"BE":
                    self.request.sendall(b"x" * int(message[1:]))
                    if message[:1] == b"E":
                        return
                else:
                    self.request.sendall(message)


class Server(socketserver.ThreadingTCPServer):
    """Listens on every address of both families."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def ping(port: int) -> None:
    """Make round trips on one connection for ever; print when each began, and its ms."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            began = time.monotonic()
            connection.sendall(b"ping")
            connection.recv(64)
            print(began, (time.monotonic() - began) * 1e3, flush=True)
            time.sleep(0.005)


def main() -> None:
    """Play one part; print `up` when ready."""
    part, *ports = sys.argv[1:]
    if part == "ping":
        ping(int(ports[0]))
    for port in map(int, ports):
        threading.Thread(target=Server(("::", port), Echo).serve_forever, daemon=True).start()
    print("up", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
