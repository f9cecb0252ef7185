"""Bodies of the network delay's tests: each runs alone in a network of its own, and raises when it is not so."""

import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path

from chaos.errors import FaultError, InjectionError
from chaos.faults.network import packets
from chaos.faults.network.spread import SPREADS
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.support.base import Injection
from chaos.faults.support.fidelity import percentile
from tests.faults.target import ROOT, LocalTarget

LADDER = packets.BACKENDS
ROUNDS = 12
ONCE_MS = 180
"""A delay of 100 ms paid once on a busy machine, and not twice."""
PEERS = str(Path(__file__).with_name("peers.py"))


@contextmanager
def app(**ports: int | None) -> Iterator[LocalTarget]:
    """Echo servers by name; one whose port is None is started later by `start_ping`."""
    with LocalTarget(ports=ports) as target:
        for name, port in ports.items():
            if port is not None:
                start_echo(target, name, port)
        yield target


def start_echo(target: LocalTarget, name: str, port: int) -> None:
    child = target.start(name, [sys.executable, "-I", "-S", PEERS, "echo", str(port)])
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"


def start_ping(target: LocalTarget, name: str, port: int | str) -> None:
    target.start(name, [sys.executable, "-I", "-S", PEERS, "ping", str(port)])


def pings(target: LocalTarget, name: str, count: int) -> list[float]:
    """The next round trips of a ping process that begin after now, in ms."""
    stream = target.children[name].stdout
    assert stream is not None
    now = time.monotonic()
    lines = ([float(word) for word in line.split()] for line in stream)
    return list(islice((took for began, took in lines if began > now), count))


def connect(port: int, host: str = "127.0.0.1") -> socket.socket:
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(10)
    return connection


def trip(connection: socket.socket) -> float:
    """One round trip, in ms."""
    began = time.monotonic()
    connection.sendall(b"hello")
    assert connection.recv(64) == b"hello"
    return (time.monotonic() - began) * 1e3


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def observed(target: LocalTarget, injection: Injection, seconds: float) -> list[dict[str, float]]:
    """What the fault saw of itself in that time."""
    target.samples.clear()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        target.wait(injection.every_s)
        sample = injection.observe()
        if sample is not None:
            target.measured(**sample)
    return target.samples


def only(rung: str) -> None:
    """Leave one rung of the ladder."""
    packets.BACKENDS = [one for one in LADDER if one[0] == rung]


def volley(connections: Sequence[socket.socket]) -> list[float]:
    """One round trip on each, all at once, in ms."""
    watch = selectors.DefaultSelector()
    began: dict[socket.socket, float] = {}
    for connection in connections:
        watch.register(connection, selectors.EVENT_READ)
        began[connection] = time.monotonic()
        connection.sendall(b"hello")
    took = []
    while len(took) < len(connections):
        ready = watch.select(10)
        assert ready, "no answer within ten seconds"
        for key, _ in ready:
            connection = next(one for one in connections if one is key.fileobj)
            took.append((time.monotonic() - began[connection]) * 1e3)
            assert connection.recv(64) == b"hello"
            watch.unregister(connection)
    watch.close()
    return took


def fidelity(delay_ms: str, rung: str = "nfqueue", share: str = "0.01") -> None:
    """Established connections pay the delay, to 1 ms or a share of it, as do our own trips; before and after none does.

    Other programs on a busy machine only ever add, so the nearest of some rounds shows what the fault does.
    """
    only(rung)
    asked = float(delay_ms)
    allowed = max(1.0, float(share) * asked)
    fault = NetworkDelay(delay=asked / 1e3, process="web")
    off_of_app, off = float("inf"), float("inf")
    with app(web=8000) as target, ExitStack() as stack:
        connections = [stack.enter_context(connect(8000)) for _ in range(9)]
        before = median([took for _ in range(3) for took in volley(connections)])
        with fault.inject(target) as injection:
            assert injection.mechanism == rung
            for _ in range(ROUNDS):
                paid = median(volley(connections)) - before
                delivered = fault.delivered(observed(target, injection, 1.0 + asked / 1e3))
                own = float(delivered.values["delay_ms"])
                print(f"{rung} {asked:g} ms: app {paid:.2f}, own {own:.2f}, before {before:.3f}")
                off_of_app, off = min(off_of_app, abs(paid - asked)), min(off, abs(own - asked))
                if max(off_of_app, off) <= allowed:
                    break
        after = median(volley(connections))
    assert off_of_app <= allowed
    assert off <= allowed
    assert delivered.landed, delivered.why
    assert before < 50
    assert after < 50


def jitter(distribution: str) -> None:
    """Trips have the delay as their median and the jitter as their spread, those of the app and those of our own."""
    fault = NetworkDelay(delay=0.2, jitter=0.08, distribution=distribution, port=8000)  # type: ignore[arg-type]
    with app(web=8000) as target, ExitStack() as stack:
        connections = [stack.enter_context(connect(8000)) for _ in range(60)]
        with fault.inject(target) as injection:
            trips = [took for _ in range(3) for took in volley(connections)]
            delivered = fault.delivered(observed(target, injection, 2.5))
    spread = SPREADS[distribution].jitter_of(trips)
    print(distribution, median(trips), spread, min(trips), max(trips), delivered)
    assert injection.notes["distribution"] == distribution
    assert abs(median(trips) - 200) < 30
    assert abs(spread - 80) < 40
    assert min(trips) > 199.9 - 80 * SPREADS[distribution].least
    assert delivered.landed, delivered.why


def new_connections_pay_once() -> None:
    """The handshake is spared, the first exchange pays, and the end comes with the answer, not after another delay."""
    with app(web=8000) as target, NetworkDelay(delay=0.2, process="web").inject(target) as injection:
        began = time.monotonic()
        connection = connect(8000)
        connected = time.monotonic()
        connection.sendall(b"E5")
        answer = b"".join(iter(lambda: connection.recv(64), b""))
        ended = time.monotonic()
        samples = observed(target, injection, 1.3)
    noted = [sample["new_connection_ms"] for sample in samples if "new_connection_ms" in sample]
    print(connected - began, ended - began, noted)
    assert answer == b"xxxxx"
    assert connected - began < 0.05
    assert 0.2 <= ended - began < 0.25
    assert len(noted) >= 2
    assert 200 <= median(noted) < 220


def others_are_spared() -> None:
    """A process on another port, and its clients, notice nothing."""
    with app(web=8000, other=9000) as target:
        web, other = connect(8000), connect(9000)
        with NetworkDelay(delay=0.1, process="web").inject(target):
            assert trip(web) >= 100
            spared = [trip(other) for _ in range(50)]
        with NetworkDelay(delay=0.1, port=8000).inject(target):
            assert trip(web) >= 100
            spared += [trip(other) for _ in range(50)]
    print(median(spared), max(spared))
    assert median(spared) < 5


def requests_of_the_target_pay() -> None:
    """What a process asks of another is delayed, also after a restart under new pids; the other's clients are not."""
    with app(inventory=9000, web=None) as target:
        start_ping(target, "web", 9000)
        direct = connect(9000)
        assert median(pings(target, "web", 5)) < 10
        with NetworkDelay(delay=0.1, process="web").inject(target) as injection:
            first = median(pings(target, "web", 5))
            assert median([trip(direct) for _ in range(9)]) < 10
            target.children["web"].kill()
            target.children["web"].wait()
            start_ping(target, "web", 9000)
            observed(target, injection, 0.3)
            second = median(pings(target, "web", 5))
        after = median(pings(target, "web", 9))
    print(first, second, after)
    assert 100 <= first < ONCE_MS
    assert 100 <= second < ONCE_MS
    assert after < 10


def whole_app_pays_once() -> None:
    """Without process and port every process is delayed, and a trip between two of them still pays once."""
    with app(inventory=9000, web=None) as target:
        start_ping(target, "web", 9000)
        direct = connect(9000)
        with NetworkDelay(delay=0.1).inject(target):
            between, from_outside = median(pings(target, "web", 5)), median([trip(direct) for _ in range(5)])
    print(between, from_outside)
    assert 100 <= between < 150, "twice would be 200; a busy machine adds some"
    assert 100 <= from_outside < 150


def killed_helper_restores() -> None:
    """When the delay line is killed the kernel has removed everything: trips are fast at once, and it is noticed."""
    with app(web=8000) as target:
        connection = connect(8000)
        with NetworkDelay(delay=0.3, process="web").inject(target) as injection:
            assert trip(connection) >= 300
            line = target.helpers[-1]
            line.kill()
            line.wait()
            after = [trip(connection) for _ in range(10)]
            noticed = ""
            try:
                injection.observe()
            except FaultError as error:
                noticed = str(error)
    print(median(after), noticed)
    assert noticed
    assert median(after) < 10
    assert "chaoslab" not in Path("/proc/self/net/netfilter/nfnetlink_queue").read_text()


WAYS = {"out": (0, 100), "in": (100, 0), "both": (50, 50)}
"""What a request and its answer pay of 100 ms."""


def directions(direction: str, rung: str) -> None:
    """The round trip pays once; which way pays is what the direction says."""
    only(rung)
    fault = NetworkDelay(delay=0.1, port=8000, direction=direction)  # type: ignore[arg-type]
    with (
        LocalTarget() as target,
        socket.create_server(("127.0.0.1", 8000)) as listener,
        connect(8000) as client,
    ):
        server, _ = listener.accept()
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with server, fault.inject(target) as injection:
            ways = [(one_way(client, server), one_way(server, client)) for _ in range(9)]
            delivered = fault.delivered(observed(target, injection, 1.2))
    there, back = (median(took) for took in zip(*ways, strict=True))
    print(direction, rung, there, back, delivered)
    assert injection.mechanism == rung
    asked_there, asked_back = WAYS[direction]
    assert asked_there <= there < asked_there + 40
    assert asked_back <= back < asked_back + 40
    assert abs(float(delivered.values["delay_ms"]) - 100) < 5
    assert delivered.landed, delivered.why


def one_way(sender: socket.socket, receiver: socket.socket) -> float:
    """How long a message is on its way, in ms."""
    began = time.monotonic()
    sender.sendall(b"x")
    assert receiver.recv(64) == b"x"
    return (time.monotonic() - began) * 1e3


def answers_to_the_target_pay(direction: str) -> None:
    """What a process is answered is late too, and a trip between two processes of the app still pays once."""
    with app(inventory=9000, web=None) as target:
        start_ping(target, "web", 9000)
        direct = connect(9000)
        with NetworkDelay(delay=0.1, process="web", direction=direction).inject(target):  # type: ignore[arg-type]
            asked = median(pings(target, "web", 5))
            spared = median([trip(direct) for _ in range(9)])
        with NetworkDelay(delay=0.1, direction=direction).inject(target):  # type: ignore[arg-type]
            between, from_outside = median(pings(target, "web", 5)), median([trip(direct) for _ in range(5)])
    print(asked, spared, between, from_outside)
    assert 100 <= asked < ONCE_MS
    assert spared < 10
    assert 100 <= between < ONCE_MS
    assert 100 <= from_outside < ONCE_MS


def only_one_peer(peer: str, direction: str) -> None:
    """The app's traffic with that peer pays once; with another peer, and others' traffic with that one, nothing."""
    fault = NetworkDelay(delay=0.1, peer=peer, direction=direction)  # type: ignore[arg-type]
    with app(inventory=9000, rates=9001, web=None, shop=None) as target:
        start_ping(target, "web", 9000)
        start_ping(target, "shop", 9001)
        direct = connect(9000)
        with fault.inject(target) as injection:
            meant, other = median(pings(target, "web", 5)), pings(target, "shop", 50)
            outsider = [trip(direct) for _ in range(20)]
            delivered = fault.delivered(observed(target, injection, 1.0))
        after = median(pings(target, "web", 9))
    print(peer, direction, meant, median(other), median(outsider), after, delivered.why)
    assert 100 <= meant < ONCE_MS
    assert median(other) < 10
    assert sum(took >= 100 for took in other) <= 2
    assert sum(took >= 100 for took in outsider) <= 1
    assert after < 10
    assert delivered.landed, delivered.why


def only_one_address() -> None:
    """Of the clients of a port those at that address pay, and those at the next one do not."""
    with app(web=8000) as target, ExitStack() as stack:
        ends = [("127.0.0.2", 0), ("127.0.0.3", 0)]
        meant, other = (
            stack.enter_context(socket.create_connection(("127.0.0.1", 8000), source_address=end))
            for end in ends
        )
        for direction in ("out", "in", "both"):
            fault = NetworkDelay(delay=0.1, port=8000, peer="127.0.0.2", direction=direction)  # type: ignore[arg-type]
            with fault.inject(target):
                paid, spared = [trip(meant) for _ in range(3)], [trip(other) for _ in range(20)]
            print(direction, paid, median(spared))
            assert 100 <= median(paid) < ONCE_MS
            assert sum(took >= 100 for took in spared) <= 1


def a_peer_without_an_address() -> None:
    """It is said before anything is delayed."""
    why = ""
    with app(web=8000) as target:
        try:
            with NetworkDelay(delay=0.1, peer="nobody.invalid:80").inject(target):
                pass
        except InjectionError as error:
            why = str(error)
    assert "'nobody.invalid' has no address" in why, why


def burst() -> None:
    """Of 5,000 packets that leave the port at once none is lost, and each is delayed or counted as not."""
    count = 5000
    with LocalTarget() as target, NetworkDelay(delay=0.2, port=8000).inject(target) as injection:
        sender, receiver = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        sender.bind(("127.0.0.1", 8000))
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(1)
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sender.connect(receiver.getsockname())
        took: list[float] = []
        reader = threading.Thread(target=lambda: took.extend(_ages(receiver)))
        reader.start()
        for _ in range(count):
            sender.send(str(time.monotonic()).encode())
        reader.join()
        sample = observed(target, injection, 0.3)[-1]
        sender.close()
        receiver.close()
    lost_at_receiver = _udp("RcvbufErrors")
    print(len(took), lost_at_receiver, percentile(took, 0.5), percentile(took, 0.99), sample)
    assert len(took) + lost_at_receiver == count
    assert sample["target_packets"] + sample["overflowed"] == count
    assert sum(age < 0.2 for age in took) <= sample["overflowed"]


def _ages(receiver: socket.socket) -> Iterator[float]:
    """How long ago each datagram was sent, until none comes any more."""
    with suppress(TimeoutError):
        while True:
            sent = float(receiver.recv(64))
            yield time.monotonic() - sent


def _udp(name: str) -> int:
    """A counter of this network namespace (proc(5), /proc/net/snmp)."""
    names, values = (
        line.split()
        for line in Path("/proc/self/net/snmp").read_text().splitlines()
        if line.startswith("Udp:")
    )
    return int(values[names.index(name)])


def bodies_complete() -> None:
    """Answers of 64 KiB and 1 MiB arrive whole; one that fits the window pays once."""
    size = 65536
    with app(web=8000) as target, NetworkDelay(delay=0.1, process="web").inject(target):
        connection = connect(8000)
        for wanted in (size, size, 16 * size, size):
            began = time.monotonic()
            connection.sendall(b"B%d" % wanted)
            got = 0
            while got < wanted:
                got += len(connection.recv(1 << 20))
            took = time.monotonic() - began
            print(wanted, took)
            assert got == wanted
    assert took < 0.15


def ipv6() -> None:
    """Trips over ::1 pay too."""
    with app(web=8000) as target:
        connection = connect(8000, "::1")
        with NetworkDelay(delay=0.1, process="web").inject(target):
            trips = [trip(connection) for _ in range(5)]
        after = trip(connection)
    assert 100 <= median(trips) < ONCE_MS
    assert after < 50


def killed_tun_helper_restores() -> None:
    """The same with the TUN device; the routing rules are put back when the fault ends."""
    only("tun")
    rules = subprocess.run(["ip", "-d", "rule"], capture_output=True, check=True).stdout
    fault = NetworkDelay(delay=0.3, process="web")
    with app(web=8000) as target, connect(8000) as connection, fault.inject(target):
        assert trip(connection) >= 300
        target.helpers[-1].kill()
        target.helpers[-1].wait()
        after = [trip(connection) for _ in range(10)]
    print(median(after))
    assert median(after) < 10
    assert subprocess.run(["ip", "-d", "rule"], capture_output=True, check=True).stdout == rules


def nothing_is_left() -> None:
    """Queues, devices, rules and processes are as before, whichever way it was done."""
    before = state()
    with app(web=8000) as target:
        for rung in ("nfqueue", "tun"):
            only(rung)
            with NetworkDelay(delay=0.05, port=8000).inject(target):
                assert state() != before
            assert state() == before
            assert all(helper.poll() is not None for helper in target.helpers)


def state() -> list[str]:
    places = ("netfilter/nfnetlink_queue", "route", "dev")
    texts = [Path("/proc/self/net", place).read_text() for place in places]
    names = [line.split(":")[0] for line in texts.pop().splitlines()]
    return [*texts, *names]


def orphaned_helpers_end() -> None:
    """When the process that injected is killed, its helpers end and the delay ends with them."""
    with app(web=8000), connect(8000) as connection:
        child = os.fork()
        if child == 0:
            with LocalTarget(ports={"web": 8000}) as other, NetworkDelay(delay=0.2, port=8000).inject(other):
                threading.Event().wait()
        while trip(connection) < 200:
            time.sleep(0.01)
        helpers = children(child)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        until = time.monotonic() + 1
        while any(map(runs, helpers)):
            assert time.monotonic() < until
        after = [trip(connection) for _ in range(5)]
    print(len(helpers), median(after))
    assert len(helpers) == 2
    assert median(after) < 10


def runs(pid: int) -> bool:
    """Whether it has not ended; a zombie waits for whoever adopted it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def refused_without_rights() -> None:
    """Without the right to administer the network each rung says why it cannot."""
    without_rights(f"{__name__}:try_in_vain", "-all")


def without_rights(call: str, rights: str) -> None:
    """Run `module:function` in a process that has lost these capabilities (setpriv(1))."""
    inner = "import sys, importlib; sys.path[0] = sys.argv[1]; m, f = sys.argv[2].split(':')"
    lose = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
    argv = [
        *lose,
        sys.executable,
        "-c",
        f"{inner}; getattr(importlib.import_module(m), f)()",
        str(ROOT),
        call,
    ]
    subprocess.run(argv, check=True, timeout=60)


def try_in_vain() -> None:
    """Inject, and see it refused."""
    why = ""
    with app(web=8000) as target:
        try:
            with NetworkDelay(delay=0.1, process="web").inject(target):
                pass
        except InjectionError as error:
            why = str(error)
    print(why)
    for rung in ("netem: ", "nfqueue: ", "tun: "):
        assert rung in why


def handshakes(direction: str, rung: str, jitter_s: str = "0") -> None:
    """Connecting, each flight of TLS and each request pay once, those of the app's clients and those of our own."""
    only(rung)
    fault = NetworkDelay(
        delay=0.2,
        process="web",
        direction=direction,
        handshake=True,
        jitter=float(jitter_s),  # type: ignore[arg-type]
    )
    with app(web=8000) as target:
        before = [connecting() for _ in range(5)]
        with fault.inject(target) as injection:
            took = [connecting() for _ in range(9)]
            delivered = fault.delivered(observed(target, injection, 4.0))
        after = [connecting() for _ in range(5)]
    connected, asked = (median(times) for times in zip(*took, strict=True))
    print(direction, rung, connected, asked, median([sum(one) for one in after]), delivered)
    assert median([sum(one) for one in before + after]) < 50
    assert abs(connected - 200) < 30 + 300 * float(jitter_s)
    assert abs(asked - 200) < 30 + 300 * float(jitter_s)
    assert delivered.landed, delivered.why
    assert "a connection paid" in delivered.why
    paid = [sample["tls_handshake_ms"] for sample in target.samples if "tls_handshake_ms" in sample]
    assert len(paid) >= 3
    assert abs(median(paid) - 400) < 60 + 300 * float(jitter_s)


def connecting() -> tuple[float, float]:
    """What a new connection took, and a round trip on it, in ms."""
    began = time.monotonic()
    with connect(8000) as connection:
        return (time.monotonic() - began) * 1e3, trip(connection)


def a_connect_timeout_is_felt() -> None:
    """A client that gives up connecting after 150 ms never gets through a road that is 300 ms long; before it does."""
    outcomes = []
    with app(web=8000) as target:
        for handshake in (False, True):
            with NetworkDelay(delay=0.3, port=8000, handshake=handshake).inject(target):
                try:
                    socket.create_connection(("127.0.0.1", 8000), timeout=0.15).close()
                    outcomes.append("connected")
                except TimeoutError:
                    outcomes.append("timeout")
    assert outcomes == ["connected", "timeout"]


def connections_of_the_target_pay() -> None:
    """What the target opens to others pays as well, also where nobody declared the port, and others do not."""
    with app(inventory=9000, web=None) as target, connect(9000):
        for direction in ("out", "in", "both"):
            fault = NetworkDelay(delay=0.1, process="web", direction=direction, handshake=True)  # type: ignore[arg-type]
            start_echo(target, "web", 8001)  # no port of it is declared
            with fault.inject(target):
                began = time.monotonic()
                connect(8001).close()
                to_it = (time.monotonic() - began) * 1e3
                began = time.monotonic()
                connect(9000).close()
                other = (time.monotonic() - began) * 1e3
            target.children["web"].kill()
            target.children["web"].wait()
            print(direction, to_it, other)
            assert 99 <= to_it < ONCE_MS
            assert other < 50
