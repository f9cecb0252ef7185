"""Small programs that play the app: `peers.py echo PORT…`, `peers.py ping PLACE`, `peers.py ask PLACE [PORT…]`.

A PLACE is a port here, or ADDRESS:PORT.
"""

import contextlib
import errno
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


def address(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    return host or "127.0.0.1", int(port)


def ask(place: str) -> None:
    """Connect, ask and end, for ever; print when each began, and what it ended as."""
    while True:
        began, ended_as = time.monotonic(), "connected"
        try:
            with socket.create_connection(address(place), timeout=0.4) as connection:
                connection.sendall(b"ask")
                connection.recv(64)
        except TimeoutError:
            ended_as = "timeout"
        except OSError as error:
            ended_as = errno.errorcode[error.errno or 0]
        print(began, ended_as, flush=True)
        time.sleep(0.02)


def ping(place: str) -> None:
    """Make round trips on one connection for ever; print when each began, and its ms."""
    with socket.create_connection(address(place)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            began = time.monotonic()
            connection.sendall(b"ping")
            connection.recv(64)
            print(began, (time.monotonic() - began) * 1e3, flush=True)
            time.sleep(0.005)


def serve(ports: list[str]) -> None:
    for port in map(int, ports):
        threading.Thread(target=Server(("::", port), Echo).serve_forever, daemon=True).start()


def main() -> None:
    """Play one part; a server prints `up` when ready."""
    part, *places = sys.argv[1:]
    if part == "ping":
        ping(places[0])
    if part == "ask":
        serve(places[1:])
        ask(places[0])
    serve(places)
    print("up", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
