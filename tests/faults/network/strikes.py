"""Bodies of the tests of faults that strike a share of the packets: each runs in a network of its own."""

import importlib
import itertools
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import Any

from chaos.faults.network.datagrams import checksum_errors
from chaos.faults.support.base import Delivered, Fault
from chaos.faults.support.fidelity import share_interval
from tests.faults.network.delays import app, children, connect, observed, only, runs, start_ping, state, trip
from tests.faults.target import LocalTarget


def made(kind: str, **fields: Any) -> Fault:
    """A fault by its type."""
    module = importlib.import_module(f"chaos.faults.{kind}")
    name = "".join(word.capitalize() for word in kind.split("_"))
    fault: Fault = getattr(module, name)(**fields)
    return fault


def fidelity(kind: str, field: str, share: str, rung: str, seconds: str = "4") -> None:
    """The share is delivered, to our packets by receipt, and to the target's by the line's count."""
    only(rung)
    fault = made(kind, **{field: float(share), "port": 8000})
    with app(web=8000) as target, traffic(8000), fault.inject(target) as injection:
        delivered = fault.delivered(observed(target, injection, float(seconds)))
        last = target.samples[-1]
    print(kind, share, rung, delivered, last)
    assert injection.mechanism == rung
    assert delivered.landed, delivered.why
    _, low, high = share_interval(last["target_treated"], last["target_packets"])
    assert low - 0.01 <= float(share) <= high + 0.01
    assert passed_by(target) <= 2
    if kind != "packet_reorder":
        assert last["late"] == 0


def passed_by(target: LocalTarget) -> float:
    """Packets that passed the line untreated: each sample counts some on their way, the least the fewest."""
    return min(sample["overflowed"] for sample in target.samples[-10:])


def ten_thousand() -> None:
    """Of 10,000 packets and more the lost ones lie inside the binomial interval of what was asked."""
    fault = made("packet_loss", loss=0.05, port=8000)
    with app(web=8000) as target, traffic(8000), fault.inject(target) as injection:
        delivered = Delivered({}, None, None, 0, False, "")
        while delivered.samples < 10_000:
            delivered = fault.delivered(observed(target, injection, 1.0))
    print(delivered)
    assert delivered.low is not None
    assert delivered.high is not None
    assert delivered.low <= 0.05 <= delivered.high
    assert delivered.landed, delivered.why


@contextmanager
def traffic(port: int) -> Iterator[None]:
    """UDP packets that leave that port, 500 a second, to somebody who does not answer."""
    ended = threading.Event()
    sender, receiver = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    sender.bind(("127.0.0.1", port))
    receiver.bind(("127.0.0.1", 0))
    sender.connect(receiver.getsockname())

    def send() -> None:
        while not ended.wait(0.002):
            sender.send(b"x" * 32)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        sender.close()
        receiver.close()


def numbered(target: LocalTarget, fault: Fault, count: int) -> tuple[list[int], int]:
    """The numbers of `count` datagrams that left port 8000 under the fault, as they came; bad checksums."""
    sender, receiver = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    sender.bind(("127.0.0.1", 8000))
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(0.5)
    sender.connect(receiver.getsockname())
    came: list[int] = []
    with fault.inject(target):
        before = checksum_errors()
        for number in range(count):
            sender.send(b"%d" % number)
            if number % 20 == 0:
                time.sleep(0.002)
                came += _here(receiver)
        with suppress(TimeoutError):
            while True:
                came.append(int(receiver.recv(64)))
        bad = checksum_errors() - before
    sender.close()
    receiver.close()
    return came, bad


def _here(receiver: socket.socket) -> list[int]:
    found = []
    receiver.settimeout(0)
    with suppress(BlockingIOError):
        while True:
            found.append(int(receiver.recv(64)))
    receiver.settimeout(0.5)
    return found


def bursts() -> None:
    """Losses of the app's own datagrams come in runs as long as asked."""
    with LocalTarget() as target:
        came, _ = numbered(target, made("packet_loss", loss=0.2, burst=5.0, port=8000), 4000)
    missing = sorted(set(range(4000)) - set(came))
    lengths = [
        len(list(run)) for _, run in groupby(enumerate(missing), key=lambda place: place[1] - place[0])
    ]
    mean = sum(lengths) / len(lengths)
    print(len(missing), mean, max(lengths))
    assert 0.12 < len(missing) / 4000 < 0.28
    assert 3.5 < mean < 6.5


def streams_survive(kind: str, field: str, share: str, rung: str = "nfqueue") -> None:
    """Bytes of TCP connections all arrive, and in order: TCP sees to it."""
    only(rung)
    with app(web=8000) as target, made(kind, **{field: float(share), "process": "web"}).inject(target):
        connection = connect(8000)
        began = time.monotonic()
        for wanted in (100, 100, 100, 400_000):
            connection.sendall(b"B%d" % wanted)
            got = b""
            while len(got) < wanted:
                got += connection.recv(1 << 20)
            assert got == b"x" * wanted
        print(kind, time.monotonic() - began)


def everything_lost() -> None:
    """A loss of all is a silence: no connection is made; afterwards one is."""
    with app(web=8000) as target:
        with made("packet_loss", loss=1.0, process="web").inject(target):
            silent = False
            try:
                socket.create_connection(("127.0.0.1", 8000), timeout=0.3)
            except TimeoutError:
                silent = True
        assert trip(connect(8000)) < 200
    assert silent


def requests_are_lost_too() -> None:
    """What the process asks of others is lost as well as its answers; the other process's clients lose nothing."""
    with app(inventory=9000, web=None) as target:
        start_ping(target, "web", 9000)
        direct = connect(9000)
        fault = made("packet_loss", loss=0.5, process="web")
        with fault.inject(target) as injection:
            spared = [trip(direct) for _ in range(50)]
            observed(target, injection, 2.0)
            last = target.samples[-1]
    print(last, max(spared))
    assert last["target_treated"] >= 1
    assert sorted(spared)[45] < 20


def copies_come() -> None:
    """Datagrams of the app come twice: the share, no more than two of any, none is lost."""
    with LocalTarget() as target:
        came, _ = numbered(target, made("packet_duplicate", duplicate=0.3, port=8000), 3000)
    times = Counter(Counter(came).values())
    print(times)
    assert set(times) == {1, 2}
    assert 0.25 < times[2] / 3000 < 0.35
    assert set(came) == set(range(3000))


def some_are_overtaken() -> None:
    """Datagrams of the app come after later ones: the share, and none is lost or doubled."""
    with LocalTarget() as target:
        came, _ = numbered(target, made("packet_reorder", reorder=0.2, by=0.02, port=8000), 3000)
    highest = itertools.accumulate(came, max)
    late = sum(number < high for number, high in zip(came, highest, strict=True))
    print(late)
    assert sorted(came) == list(range(3000))
    assert 0.15 < late / 3000 < 0.25


def corrupted_are_discarded() -> None:
    """The kernel discards each corrupted datagram for its checksum, and counts it; nothing false reaches the app."""
    with LocalTarget() as target:
        came, bad = numbered(target, made("packet_corrupt", corrupt=0.2, port=8000), 3000)
    lost = 3000 - len(came)
    print(lost, bad)
    assert came == sorted(set(came) & set(range(3000)))
    assert 0.15 < lost / 3000 < 0.25
    assert bad >= lost


def nothing_is_left(kind: str, field: str, share: str) -> None:
    """Queues, devices, rules and processes are as before, whichever way it was done."""
    before = state()
    with app(web=8000) as target:
        for rung in ("nfqueue", "tun"):
            only(rung)
            with made(kind, **{field: float(share), "port": 8000}).inject(target):
                assert state() != before
            assert state() == before
            assert all(helper.poll() is not None for helper in target.helpers)


def killed_injector_ends_it(kind: str, field: str, share: str) -> None:
    """When the process that injected is killed, its helpers end within a second, and the network is as it was."""
    with app(web=8000), connect(8000) as connection:
        before = state()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with LocalTarget() as other, made(kind, **{field: float(share), "port": 8000}).inject(other):
                os.write(writing, b"in")
                threading.Event().wait()
        assert os.read(reading, 2) == b"in"
        helpers = children(child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        until = time.monotonic() + 1
        while any(map(runs, helpers)) or state() != before:
            assert time.monotonic() < until
        assert max(trip(connection) for _ in range(50)) < 500
    assert len(helpers) == 2
