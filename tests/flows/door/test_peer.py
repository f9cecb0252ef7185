"""Whose socket is at the other end: of a living process, by any family of addresses, and never of nobody."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flows.server.door.peer import owner

HERE = "127.0.0.1"
CALL = """
import os, socket, sys
os.setuid(int(sys.argv[2]))
line = socket.socket()
line.connect(("127.0.0.1", int(sys.argv[1])))
sys.stdin.read()
"""


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server((HERE, 0)) as one:
        one.settimeout(20)
        yield one


def test_a_connection_of_our_own(server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()) as line:
        assert owner(line.getsockname(), server.getsockname()) == os.getuid()
        assert owner(server.getsockname(), server.getsockname()) is None


def test_a_connection_by_a_socket_of_ipv6(server: socket.socket) -> None:
    with socket.socket(socket.AF_INET6) as line:
        line.connect((f"::ffff:{HERE}", server.getsockname()[1]))
        assert owner((HERE, line.getsockname()[1]), server.getsockname()) == os.getuid()


def test_who_has_hung_up_is_nobody_and_not_root(server: socket.socket) -> None:
    line = socket.create_connection(server.getsockname())
    client = line.getsockname()
    line.sendall(b"POST")
    line.close()
    with server.accept()[0]:
        assert owner(client, server.getsockname()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may be another user")
def test_a_connection_of_another_user(server: socket.socket) -> None:
    port = server.getsockname()[1]
    command = [sys.executable, "-c", CALL, str(port), "65534"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as caller:
        line, client = server.accept()
        with line:
            assert owner(client, (HERE, port)) == 65534
        caller.communicate()
