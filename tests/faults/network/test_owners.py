"""Whose flows are whose: by real sockets of real processes, and at what cost."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chaos.faults.network import owners
from chaos.faults.network.flows import Flow
from chaos.faults.network.nft import TCP
from chaos.faults.network.owners import Owners

SERVER = """
import os, socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
kept = []
for line in sys.stdin:
    word, _, port = line.strip().partition(" ")
    if word == "accept":
        kept.append(listening.accept()[0])
        print(kept[-1].getpeername()[1], flush=True)
    elif word == "connect":
        kept.append(socket.create_connection(("127.0.0.1", int(port))))
        print(kept[-1].getsockname()[1], flush=True)
    elif word == "listen":
        kept.append(socket.create_server(("127.0.0.1", 0)))
        print(kept[-1].getsockname()[1], flush=True)
    elif word == "fork" and os.fork() == 0:
        kept.append(socket.create_connection(("127.0.0.1", int(port))))
        print(kept[-1].getsockname()[1], flush=True)
        sys.stdin.read()
        os._exit(0)
"""


class Process:
    """One that does as it is told, and says which port came of it."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self.popen = popen
        self.port = self.heard()

    def heard(self) -> int:
        assert self.popen.stdout is not None
        return int(self.popen.stdout.readline())

    def told(self, word: str, port: int = 0) -> int:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{word} {port}\n")
        self.popen.stdin.flush()
        return self.heard()


@contextmanager
def process() -> Iterator[Process]:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as popen:
        try:
            yield Process(popen)
        finally:
            popen.kill()


@pytest.fixture
def target() -> Iterator[Process]:
    with process() as one:
        yield one


@pytest.fixture
def other() -> Iterator[Process]:
    with process() as one:
        yield one


@pytest.fixture
def of(target: Process) -> Iterator[Owners]:
    of = Owners([target.popen.pid])
    yield of
    of.close()


def flow(source: int, destination: int) -> Flow:
    here = socket.inet_aton("127.0.0.1")
    return Flow(TCP, here, source, here, destination)


def test_both_ends_of_a_connection_of_the_target_to_another(
    of: Owners, target: Process, other: Process
) -> None:
    mine = target.told("connect", other.port)
    other.told("accept")
    assert of.owns(flow(mine, other.port))
    assert not of.owns(flow(other.port, mine))
    assert of.listening == {target.port}


def test_both_ends_of_a_connection_to_the_target(of: Owners, target: Process, other: Process) -> None:
    theirs = other.told("connect", target.port)
    target.told("accept")
    assert of.owns(flow(target.port, theirs))
    assert not of.owns(flow(theirs, target.port))


def test_a_process_that_the_target_has_started_since(of: Owners, target: Process, other: Process) -> None:
    mine = target.told("fork", other.port)
    other.told("accept")
    assert of.owns(flow(mine, other.port))


def test_a_port_that_the_target_listens_on_since(of: Owners, target: Process, other: Process) -> None:
    port = target.told("listen")
    theirs = other.told("connect", port)
    assert not of.owns(flow(theirs, port))
    assert of.listening == {target.port, port}


def test_a_port_that_another_listens_on_since(of: Owners, target: Process, other: Process) -> None:
    port = other.told("listen")
    mine = target.told("connect", port)
    assert of.owns(flow(mine, port))
    assert of.listening == {target.port}


def test_new_connections_need_few_looks(
    of: Owners, target: Process, other: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the target one look at its open files each; what others answer none; new processes are not sought."""
    looks: list[str] = []
    seen, family = owners.socket_inodes, owners.family_of

    def counted(pid: int) -> Iterator[int]:
        looks.append("files")
        return seen(pid)

    def sought(pid: int) -> Iterator[int]:
        looks.append("processes")
        return family(pid)

    monkeypatch.setattr(owners, "socket_inodes", counted)
    monkeypatch.setattr(owners, "family_of", sought)
    monkeypatch.setattr(owners, "_LISTENED_S", 3600.0)
    for _ in range(20):
        mine = target.told("connect", other.port)
        other.told("accept")
        assert of.owns(flow(mine, other.port))
        assert not of.owns(flow(other.port, mine))
    # The first of all finds that the other listens.
    assert looks.count("files") <= 21
    assert looks.count("processes") <= 1
