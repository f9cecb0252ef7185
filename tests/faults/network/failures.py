"""Bodies of the dependency failure's tests: each runs alone in a network and with mounts of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chaos.faults.dependency_failure import FAILS_AS, DependencyFailure
from chaos.faults.network import dns
from chaos.faults.network.attempts import connect, resolve
from chaos.faults.network.cover import covered
from chaos.faults.network.nft import TCP
from chaos.faults.network.sockets import ESTABLISHED, Sockets
from chaos.faults.support.base import Delivered, Injection
from tests.faults.network import delays
from tests.faults.network.delays import app, observed
from tests.faults.target import LocalTarget

HOSTS = "127.0.0.1 localhost inventory web # names\n127.0.0.7 a.inventory other\n::1 localhost\n"
RESOLV = "nameserver 127.0.0.9\noptions timeout:1 attempts:1\n"


def judged(
    fault: DependencyFailure, target: LocalTarget, injection: Injection, seconds: float = 0.6
) -> Delivered:
    """What the fault says of itself after that time."""
    delivered = fault.delivered(observed(target, injection, seconds))
    print(injection.mechanism, dict(injection.notes), delivered)
    assert delivered.values["mode"] == fault.mode
    return delivered


def established_at(port: int) -> int:
    """Open ends at that port, counted by the kernel."""
    sockets = Sockets()
    found = sum(s.flow.source_port == port for s in sockets.all(TCP, 1 << ESTABLISHED))
    sockets.close()
    return found


def packets(mode: str) -> None:
    """New connections fail as asked, open ones break or fall silent, others are untouched; afterwards all is well."""
    fault = DependencyFailure(process="inventory", mode=mode)  # type: ignore[arg-type]
    with app(inventory=9000, web=8000) as target:
        opened, untouched = delays.connect(9000), delays.connect(8000)
        opened.settimeout(0.4)
        delays.trip(opened)
        with fault.inject(target) as injection:
            assert connect("127.0.0.1", 9000, with_payload=True, timeout_s=0.4) == FAILS_AS[mode]
            assert connect("::1", 9000, with_payload=True, timeout_s=0.4) == FAILS_AS[mode]
            assert connect("127.0.0.1", 9000, timeout_s=0.4) == (
                "connected" if mode == "reset" else FAILS_AS[mode]
            )
            assert open_one_ends_as(opened) == ("timeout" if mode == "blackhole" else "ECONNRESET")
            assert delays.trip(untouched) < 50
            delivered = judged(fault, target, injection, 2.0 if mode == "blackhole" else 0.6)
        assert delivered.landed, delivered.why
        assert connect("127.0.0.1", 9000) == "connected"
        assert delays.trip(untouched) < 50
        if mode != "blackhole":
            assert established_at(9000) == 0
        with delays.connect(9000) as again:
            assert delays.trip(again) < 50


def open_one_ends_as(connection: socket.socket) -> str:
    """What happens to a request on a connection that was open before."""
    try:
        connection.sendall(b"hello")
        return "answered" if connection.recv(64) else "closed"
    except TimeoutError:
        return "timeout"
    except ConnectionResetError:
        return "ECONNRESET"


def reset_leaves_no_debris() -> None:
    """A hundred reset requests leave no half-open connection at the dependency, hence no stuck thread."""
    with app(inventory=9000) as target:
        threads = Path(f"/proc/{target.pids('inventory')[0]}/task")
        before = len(list(threads.iterdir()))
        with DependencyFailure(port=9000, mode="reset").inject(target):
            ends = [connect("127.0.0.1", 9000, with_payload=True) for _ in range(100)]
            target.wait(0.5)
            during = established_at(9000)
        after = len(list(threads.iterdir()))
    print(set(ends), during, before, after)
    assert set(ends) == {"ECONNRESET"}
    assert during <= 2  # our own attempts go on
    assert after <= before + 1


def idle_connections_survive_a_reset() -> None:
    """A connection on which nothing is sent meanwhile is as good as before, to each kind of address."""
    with app(inventory=9000) as target, delays.connect(9000) as old, delays.connect(9000, "::1") as new:
        with DependencyFailure(process="inventory", mode="reset").inject(target) as injection:
            observed(target, injection, 0.6)
        assert delays.trip(old) < 50
        assert delays.trip(new) < 50


def host_and_port() -> None:
    """A host is cut off on the named port only, by each of its addresses."""
    fault = DependencyFailure(host="localhost", port=9000, mode="refuse")
    with app(inventory=9000, web=8000) as target, fault.inject(target) as injection:
        assert connect("127.0.0.1", 9000) == "ECONNREFUSED"
        assert connect("127.0.0.2", 9000) == "connected"
        assert connect("127.0.0.1", 8000) == "connected"
        assert judged(fault, target, injection).landed


def killed_helper_restores() -> None:
    """When the process that owns the rules is killed the kernel removes them."""
    with app(inventory=9000) as target, DependencyFailure(process="inventory").inject(target):
        assert connect("127.0.0.1", 9000) == "ECONNREFUSED"
        owner = target.helpers[-1]
        owner.kill()
        owner.wait()
        assert connect("127.0.0.1", 9000) == "connected"


def dead_before() -> None:
    """A dependency that was dead already proves nothing: not landed, and it says why."""
    fault = DependencyFailure(port=9000, mode="refuse")
    with LocalTarget() as target, fault.inject(target) as injection:
        delivered = judged(fault, target, injection)
    assert not delivered.landed
    assert "did not answer before" in delivered.why


@contextmanager
def own_names() -> Iterator[None]:
    """Texts of ours in /etc, and an upstream name server at 127.0.0.9 that knows one name."""
    hosts, resolv = Path("/etc/hosts"), Path("/etc/resolv.conf")
    with LocalTarget() as target, covered(target, hosts, HOSTS), covered(target, resolv, RESOLV), upstream():
        yield


@contextmanager
def upstream() -> Iterator[socket.socket]:
    """Answers 10.1.2.3 to every question for an IPv4 address, and no record to any other (RFC 1035, 4.1)."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.9", 53))
    server.settimeout(0.2)
    ended = threading.Event()
    serving = threading.Thread(target=_serve, args=(server, ended))
    serving.start()
    try:
        yield server
    finally:
        ended.set()
        serving.join()
        server.close()


def _serve(server: socket.socket, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            query, client = server.recvfrom(1500)
        except TimeoutError:
            continue
        end = query.index(b"\0", 12) + 5
        is_address = query[end - 4 : end - 2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\1\2\3" if is_address else b""
        counts = b"\0\1" + (b"\0\1" if answer else b"\0\0") + bytes(4)
        server.sendto(query[:2] + b"\x81\x80" + counts + query[12:end] + answer, client)


def names(mode: str) -> None:
    """The name and those below it fail as asked, every other is answered as before, and the files are as before."""
    fault = DependencyFailure(process="inventory", mode=mode)  # type: ignore[arg-type]
    with own_names(), app(inventory=9000) as target:
        before = state()
        assert resolve("db.example") == "resolved"
        with fault.inject(target) as injection:
            for name in ("inventory", "a.inventory", "b.inventory"):
                assert resolve(name) == FAILS_AS[mode], name
            for name in ("localhost", "web", "other", "db.example"):
                assert resolve(name) == "resolved", name
            assert socket.gethostbyname("web") == "127.0.0.1"
            assert socket.gethostbyname("db.example") == "10.1.2.3"
            assert connect("127.0.0.1", 9000) == "connected"
            delivered = judged(fault, target, injection, 2.5)
        assert delivered.landed, delivered.why
        assert state() == before
        assert [resolve(name) for name in ("inventory", "a.inventory", "db.example")] == ["resolved"] * 3


def state() -> list[str]:
    """What the files say, and what is mounted on them or beside them; other mounts are other tests' to remount."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    files = [Path(name).read_text() for name in ("/etc/hosts", "/etc/resolv.conf")]
    return files + [line for line in mounts if line.split()[1].startswith("/etc")]


def names_over_tcp() -> None:
    """The server answers over TCP as well, and asks elsewhere over TCP what is not its own to fail."""
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"
    ours, other = head + b"\x09inventory\0\0\1\0\1", head + b"\x02db\0\0\1\0\1"
    fault = DependencyFailure(process="inventory", mode="servfail")
    with own_names(), app(inventory=9000) as target, fault.inject(target) as injection:
        elsewhere = socket.create_server(("127.0.0.9", dns.PORT))
        serving = threading.Thread(target=lambda: _echo_message(elsewhere.accept()[0]))
        serving.start()
        assert ask(injection.notes["server"], ours) == dns.failure(ours, 2)
        assert ask(injection.notes["server"], other) == other
        serving.join()
        elsewhere.close()


def queries_that_are_not_meant_pass() -> None:
    """What cannot be read is passed on as it came, and so are several queries on one connection, in their order."""
    head = b"\x12\x34\1\0\0\1\0\0\0\0\0\0"
    ours, other = head + b"\x09inventory\0\0\1\0\1", head + b"\x02db\0\0\1\0\1"
    strange = [b"\x12\x34\x28" + bytes(9), head + b"\xc0\x0c\0\1\0\1"]
    fault = DependencyFailure(process="inventory", mode="servfail")
    with own_resolver_only(), app(inventory=9000) as target, fault.inject(target) as injection:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect((injection.notes["server"], dns.PORT))
            for query in (other, *strange):
                client.send(query)
                assert client.recv(512) == query
        with socket.create_connection((injection.notes["server"], dns.PORT), timeout=5) as connection:
            queries = [ours, other, strange[0], other, ours]
            connection.sendall(b"".join(len(one).to_bytes(2, "big") + one for one in queries))
            stream = connection.makefile("rb")
            for query in queries:
                answer = stream.read(int.from_bytes(stream.read(2), "big"))
                assert answer == (dns.failure(ours, 2) if query == ours else query)


@contextmanager
def own_resolver_only() -> Iterator[None]:
    """An upstream that says back whatever it is asked, by UDP and by TCP."""
    hosts, resolv = Path("/etc/hosts"), Path("/etc/resolv.conf")
    streams = socket.create_server(("127.0.0.9", dns.PORT))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.9", dns.PORT))

    def echo_datagrams() -> None:
        with suppress(OSError):
            while True:
                datagrams.sendto(*datagrams.recvfrom(1500))

    def echo_streams() -> None:
        with suppress(OSError):
            while True:
                _echo_message(streams.accept()[0])

    for work in (echo_datagrams, echo_streams):
        threading.Thread(target=work, daemon=True).start()
    with LocalTarget() as target, covered(target, hosts, HOSTS), covered(target, resolv, RESOLV):
        yield


def ask(server: str, query: bytes) -> bytes:
    """The answer over TCP, without its length."""
    with socket.create_connection((server, dns.PORT), timeout=2) as connection:
        connection.sendall(len(query).to_bytes(2, "big") + query)
        return connection.recv(512)[2:]


def _echo_message(connection: socket.socket) -> None:
    with connection:
        connection.sendall(connection.recv(512))


def rewriting_restores_exactly() -> None:
    """Where nothing may be mounted the file is rewritten in place, and comes back with its times."""
    with LocalTarget() as target:
        file = target.work / "hosts"
        file.write_text("before\n")
        old = file.stat()
        target.work.chmod(0o700)
        with covered(target, file, "meanwhile, and longer\n") as how:
            assert file.read_text() == "meanwhile, and longer\n"
            assert file.stat().st_ino == old.st_ino
        now = file.stat()
        assert how == "rewrite", how
        assert file.read_text() == "before\n"
        assert (now.st_ino, now.st_mtime_ns, now.st_mode) == (old.st_ino, old.st_mtime_ns, old.st_mode)


def without_mounting() -> None:
    """The same, in a process that may do all but mount."""
    delays.without_rights(f"{__name__}:rewriting_restores_exactly", "-sys_admin")
