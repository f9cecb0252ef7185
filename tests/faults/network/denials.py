"""Bodies of the tests of faults that deny connections: each runs alone in a network of its own."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from chaos.faults.network.attempts import connect
from chaos.faults.support.base import Delivered, Fault, Injection
from tests.faults.network import delays
from tests.faults.network.delays import PEERS, app, children, observed, only, runs, start_ping, state
from tests.faults.network.strikes import made
from tests.faults.target import LocalTarget

ENDS = {"connection_refused": "ECONNREFUSED", "connection_reset": "ECONNRESET", "blackhole": "timeout"}
"""How a new connection under each fault ends that sends something."""
OPEN = {"connection_refused": "answered", "connection_reset": "ECONNRESET", "blackhole": "timeout"}
"""And one that was open before."""
WITHIN_S = 0.4
WITHIN_S_OF_DEATH = 1.0
"""How soon after the injector's SIGKILL its helpers are gone; a busy machine gets five times as long."""


def ends(port: int, host: str = "127.0.0.1") -> str:
    """What a new connection with a request ends as."""
    return connect(host, port, with_payload=True, timeout_s=WITHIN_S)


def open_one(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A connection on which a round trip has been made."""
    connection = delays.connect(port, host)
    delays.trip(connection)
    connection.settimeout(WITHIN_S)
    return connection


def asked_on(connection: socket.socket) -> str:
    """What a request on it ends as."""
    try:
        connection.sendall(b"hello")
        return "answered" if connection.recv(64) else "closed"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def judged(fault: Fault, target: LocalTarget, injection: Injection, seconds: float = 0.6) -> Delivered:
    """What the fault says of itself after that time."""
    delivered = fault.delivered(observed(target, injection, seconds))
    print(injection.mechanism, dict(injection.notes), delivered)
    return delivered


def hold_of(fault: Fault) -> float:
    """Long enough for it to tell."""
    return fault.minimum_hold_s() + 0.3


def connections(kind: str, rung: str = "nfqueue", **fields: Any) -> None:
    """New and open connections of the target fail as they should, everybody else's do not; afterwards all is well."""
    only(rung)
    fault = made(kind, **(fields or {"process": "inventory"}))
    hosts = ["127.0.0.1"] if rung == "tun" else ["127.0.0.1", "::1"]
    with app(inventory=9000, web=8000) as target, ExitStack() as stack:
        opened = [stack.enter_context(open_one(9000, host)) for host in hosts]
        untouched = stack.enter_context(open_one(8000))
        with fault.inject(target) as injection:
            assert injection.mechanism == rung
            found = [ends(9000, host) for host in hosts]
            of_open = [asked_on(connection) for connection in opened]
            assert asked_on(untouched) == "answered"
            assert ends(8000) == "connected"
            delivered = judged(fault, target, injection, hold_of(fault))
        print(kind, rung, found, of_open)
        assert found == [ENDS[kind]] * len(hosts)
        assert of_open == [OPEN[kind]] * len(hosts)
        assert delivered.landed, delivered.why
        assert asked_on(untouched) == "answered"
        assert [ends(9000), ends(8000)] == ["connected", "connected"]


def by_port(kind: str) -> None:
    """A port is enough to say what is meant."""
    connections(kind, port=9000)


def idle_ones_are_reset_at_once() -> None:
    """Whoever waits for something on an open connection learns of it without sending, at both ends."""
    fault = made("connection_reset", port=8000)
    with LocalTarget() as target, socket.create_server(("127.0.0.1", 8000)) as listener:
        client = socket.create_connection(("127.0.0.1", 8000))
        server, _ = listener.accept()
        with client, server, fault.inject(target) as injection:
            assert injection.notes["reset_open_connections"] == 1
            assert [said_on(client), said_on(server)] == ["ECONNRESET", "ECONNABORTED"]
            assert judged(fault, target, injection).landed


def said_on(connection: socket.socket) -> str:
    """How a wait for something ends."""
    connection.settimeout(2)
    try:
        return "closed" if not connection.recv(1) else "data"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "timeout")


def both_ends_are_reset() -> None:
    """A new connection's first request gets a reset at both of its ends, so neither is left half-open."""
    fault = made("connection_reset", port=8000)
    with LocalTarget() as target, socket.create_server(("127.0.0.1", 8000)) as listener, fault.inject(target):
        client = socket.create_connection(("127.0.0.1", 8000))
        server, _ = listener.accept()
        with client, server:
            client.sendall(b"a request")
            assert [said_on(client), said_on(server)] == ["ECONNRESET", "ECONNRESET"]
        client = socket.create_connection(("127.0.0.1", 8000))
        server, _ = listener.accept()
        with client, server:  # who is asked may speak first
            server.sendall(b"a greeting" * 5000)
            assert [said_on(client), said_on(server)] == ["ECONNRESET", "ECONNRESET"]


def the_targets_own_requests(kind: str, direction: str = "") -> None:
    """What a process asks of another fails, whoever else asks there does not notice; after a restart as well."""
    fields: dict[str, Any] = {"process": "web"} | ({"direction": direction} if direction else {})
    fault = made(kind, **fields)
    with app(inventory=9000, web=None) as target:
        start_attempts(target, "web", 9000)
        assert next_attempts(target, "web", 3) == ["connected"] * 3
        with open_one(9000) as direct, fault.inject(target) as injection:
            first = next_attempts(target, "web", 3)
            restart_attempts(target, "web", 9000)
            observed(target, injection, 0.5)
            second = next_attempts(target, "web", 3)
            assert asked_on(direct) == "answered"
            assert [ends(9000) for _ in range(10)] == ["connected"] * 10
            delivered = judged(fault, target, injection, hold_of(fault))
        after = next_attempts(target, "web", 3)
    print(kind, direction, first, second, after)
    assert first == second == [ENDS[kind]] * 3
    assert after == ["connected"] * 3
    assert delivered.landed, delivered.why


def start_attempts(target: LocalTarget, name: str, port: int) -> None:
    target.start(name, [sys.executable, "-I", "-S", PEERS, "ask", str(port)])


def restart_attempts(target: LocalTarget, name: str, port: int) -> None:
    target.children[name].kill()
    target.children[name].wait()
    start_attempts(target, name, port)


def next_attempts(target: LocalTarget, name: str, count: int) -> list[str]:
    """How the next attempts of a process end that begin after now."""
    stream = target.children[name].stdout
    assert stream is not None
    now, found = time.monotonic(), []
    while len(found) < count:
        began, ended_as = stream.readline().split()
        if float(began) > now:
            found.append(ended_as.decode())
    return found


def only_that_direction(direction: str) -> None:
    """Connections that others make to the target, and those that it makes, can be refused one without the other."""
    fault = made("connection_refused", process="web", direction=direction)
    with app(inventory=9000, web=None) as target:
        target.ports = {**target.ports, "web": 8000}
        target.start("web", [sys.executable, "-I", "-S", PEERS, "ask", "9000", "8000"])
        assert next_attempts(target, "web", 1) == ["connected"]
        with fault.inject(target):
            made_by_it, made_to_it = next_attempts(target, "web", 2), [ends(8000) for _ in range(2)]
        print(direction, made_by_it, made_to_it)
    assert made_by_it == [ENDS["connection_refused"] if direction == "out" else "connected"] * 2
    assert made_to_it == [ENDS["connection_refused"] if direction == "in" else "connected"] * 2


def silent_one_way(direction: str) -> None:
    """`in`: the target never hears; `out`: it hears and answers, and the answer gets nowhere. Send never fails."""
    fault = made("blackhole", port=8000, direction=direction)
    with LocalTarget() as target, udp(8000) as server, udp(0) as client:
        client.connect(server.getsockname())
        server.connect(client.getsockname())
        with fault.inject(target) as injection:
            there, back = heard(client, server), heard(server, client)
            delivered = judged(fault, target, injection, hold_of(fault))
        after = heard(client, server), heard(server, client)
    print(direction, there, back)
    assert there is (direction == "out")
    assert back is (direction == "in")
    assert delivered.landed, delivered.why
    assert after == (True, True)


def udp(port: int) -> socket.socket:
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", port))
    own.settimeout(0.3)
    return own


def heard(sender: socket.socket, receiver: socket.socket) -> bool:
    """Whether a datagram arrives."""
    sender.send(b"x")
    try:
        return receiver.recv(8) == b"x"
    except TimeoutError:
        return False


def goes_on_afterwards() -> None:
    """What was sent into a black hole arrives after it, by retransmission, on the same connection."""
    with app(web=8000) as target:
        connection = open_one(8000)
        with made("blackhole", process="web").inject(target):
            connection.sendall(b"hello")
            target.wait(0.3)
        connection.settimeout(10)
        assert connection.recv(64) == b"hello"


def only_the_peer(kind: str) -> None:
    """The app's traffic with that peer fails; with another, and everybody else's with that one, nothing happens."""
    fault = made(kind, peer="127.0.0.1:9000")
    with app(inventory=9000, rates=9001, web=None, shop=None) as target:
        start_attempts(target, "web", 9000)
        start_attempts(target, "shop", 9001)
        with open_one(9000) as direct, open_one(9001) as other, fault.inject(target) as injection:
            meant, spared = next_attempts(target, "web", 3), next_attempts(target, "shop", 30)
            outside = Counter(ends(port) for port in (9000, 9001) for _ in range(20))
            assert [asked_on(direct), asked_on(other)] == ["answered"] * 2
            delivered = judged(fault, target, injection, hold_of(fault))
        assert next_attempts(target, "web", 3) == ["connected"] * 3
    print(kind, meant, Counter(spared), outside)
    assert meant == [ENDS[kind]] * 3
    assert set(spared) == {"connected"}
    assert outside == {"connected": 40}
    assert delivered.landed, delivered.why


def half_of_them(kind: str) -> None:
    """About half of the connections fail, each for good or not at all; the share is in the delivered interval."""
    fault = made(kind, port=8000, share=0.5)
    with app(web=8000) as target, ExitStack() as stack:
        opened = [stack.enter_context(open_one(8000)) for _ in range(40)]
        with fault.inject(target) as injection:
            found = Counter(_at_once(lambda: ends(8000), 80))
            first, second = ([asked_on_all(opened)] for _ in range(2))
            delivered = judged(fault, target, injection, hold_of(fault) + 1)
    print(kind, found, Counter(first[0]))
    assert 20 <= found[ENDS[kind]] <= 60
    assert found[ENDS[kind]] + found["connected"] == 80
    assert delivered.landed, delivered.why
    if kind == "connection_refused":
        assert set(first[0]) == {"answered"}
    else:
        answered = [one == "answered" for one in first[0]]
        assert answered == [one == "answered" for one in second[0]]
        assert 8 <= sum(answered) <= 32


def asked_on_all(connections_open: list[socket.socket]) -> list[str]:
    """What a request on each ends as, all at once."""
    found: dict[int, str] = {}

    def ask(place: int) -> None:
        found[place] = asked_on(connections_open[place])

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(connections_open))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[place] for place in range(len(connections_open))]


def _at_once(attempt: Callable[[], str], count: int) -> list[str]:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(attempt())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def unmet(kind: str) -> None:
    """Where nothing of the target met the fault it has not landed, however well it works."""
    fault = made(kind, port=8000)
    with app(web=8000) as target, fault.inject(target) as injection:
        delivered = judged(fault, target, injection, hold_of(fault))
    assert not delivered.landed
    assert "0 of 0" in delivered.why


def nothing_is_left(kind: str) -> None:
    """Queues, devices, rules and processes are as before, whichever way it was done."""
    before = state()
    with app(web=8000) as target:
        for rung in ("nfqueue", "tun"):
            only(rung)
            with made(kind, port=8000).inject(target):
                assert state() != before
            assert state() == before
            assert all(helper.poll() is not None for helper in target.helpers)


def killed_injector_ends_it(kind: str) -> None:
    """When the process that injected is killed with SIGKILL its helpers end, and the fault with them."""
    with app(web=8000):
        child = os.fork()
        if child == 0:
            with LocalTarget() as other, made(kind, port=8000).inject(other):
                threading.Event().wait()
        while ends(8000) == "connected":
            time.sleep(0.01)
        helpers = children(child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        began = time.monotonic()
        while any(map(runs, helpers)):
            assert time.monotonic() < began + 5 * WITHIN_S_OF_DEATH
        found = [ends(8000) for _ in range(5)]
        print(json.dumps({"kind": kind, "gone_s": round(time.monotonic() - began, 3)}))
    assert found == ["connected"] * 5
    assert len(helpers) >= 2


@contextmanager
def another_machine() -> Iterator[None]:
    """A network beyond a wire: 10.9.0.2 there, 10.9.0.1 here, with an echo server on port 9000 there."""
    commands = "ip link set lo up; ip addr add 10.9.0.2/24 dev there; ip link set there up"
    argv = [
        "unshare",
        "-n",
        "sh",
        "-c",
        f'read -r go; {commands}; exec "$@"',
        "sh",
        sys.executable,
        "-I",
        "-S",
    ]
    there = subprocess.Popen([*argv, PEERS, "echo", "9000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert there.stdin is not None
    assert there.stdout is not None
    try:
        # unshare(1) replaces itself by the shell: its network is its own once its link differs from ours.
        theirs, ours = Path(f"/proc/{there.pid}/ns/net"), Path("/proc/self/ns/net")
        while theirs.readlink() == ours.readlink():
            time.sleep(0.005)
        wire = ["ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(there.pid)]
        address = ["ip", "addr", "add", "10.9.0.1/24", "dev", "here"]
        for command in (wire, address, ["ip", "link", "set", "here", "up"]):
            subprocess.run(command, check=True)
        there.stdin.write(b"go\n")
        there.stdin.flush()
        assert there.stdout.readline() == b"up\n"
        yield
    finally:
        there.kill()
        there.wait()
        there.stdin.close()
        there.stdout.close()


def on_another_machine(kind: str) -> None:
    """A peer beyond a wire: packets leave and arrive by a device, and resets come back as if from there."""
    fault = made(kind, peer="10.9.0.2:9000")
    with another_machine(), app(inventory=9000, web=None) as target:
        target.start("web", [sys.executable, "-I", "-S", PEERS, "ask", "10.9.0.2:9000"])
        assert next_attempts(target, "web", 2) == ["connected"] * 2
        with open_one(9000, "10.9.0.2") as direct, open_one(9000) as near, fault.inject(target) as injection:
            meant = next_attempts(target, "web", 2)
            assert [asked_on(direct), asked_on(near)] == ["answered"] * 2
            delivered = judged(fault, target, injection, hold_of(fault))
        after = next_attempts(target, "web", 2)
    print(kind, meant, after)
    assert meant == [ENDS[kind]] * 2
    assert after == ["connected"] * 2
    assert delivered.landed, delivered.why


def late_on_another_machine(direction: str) -> None:
    """A delay of what a peer beyond a wire is sent, or sends, is paid once by each round trip with it."""
    fault = made("network_delay", delay=0.1, process="web", peer="10.9.0.2", direction=direction)
    with another_machine(), app(web=None) as target:
        start_ping(target, "web", "10.9.0.2:9000")
        with open_one(9000, "10.9.0.2") as direct:
            assert delays.median(delays.pings(target, "web", 5)) < 30
            with fault.inject(target) as injection:
                paid = delays.median(delays.pings(target, "web", 5))
                spared = delays.median([delays.trip(direct) for _ in range(9)])
                delivered = judged(fault, target, injection, 1.2)
    print(direction, paid, spared)
    assert 100 <= paid < delays.ONCE_MS
    assert spared < 50
    assert delivered.landed, delivered.why
