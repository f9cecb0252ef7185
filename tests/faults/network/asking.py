"""Bodies of the tests of what the app met by its connections and lookups; each runs in a network of its own."""

import os
import socket
import subprocess
import sys
import time

from chaos.faults.dependency_failure import DependencyFailure
from chaos.faults.dns_failure import DnsFailure
from chaos.faults.network.askers import Askers
from chaos.faults.network.endpoints import NetworkEndpoint
from chaos.faults.network.nft import TCP, UDP
from chaos.faults.network.reconnect import reset_open
from tests.faults.network.delays import app, observed
from tests.faults.network.failures import own_names
from tests.faults.target import LocalTarget

_LOOKS_UP = """
import socket, time
while True:
    try: socket.getaddrinfo('inventory', 80)
    except OSError: pass
    time.sleep(.1)
"""
_CONNECTS = """
import socket, time
while True:
    try: socket.create_connection(('127.0.0.1', 9000), .2).close()
    except OSError: pass
    time.sleep(.05)
"""
_KEEPS_OPEN = """
import socket, sys
connection = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
print('open', flush=True)
try: print('ended' if connection.recv(1) == b'' else 'heard', flush=True)
except OSError as error: print(type(error).__name__, flush=True)
"""


def lookups() -> None:
    """Ours go on all the time and count for nothing; the app's are counted."""
    fault = DnsFailure(host="inventory", mode="nxdomain")
    with own_names(), app(inventory=9000) as target:
        with fault.inject(target) as injection:
            met = fault.met(observed(target, injection, 1.0))
        assert (met.count, met.why) == (0, "the app never looked up `inventory`"), met
        target.samples.clear()
        target.start("client", [sys.executable, "-c", _LOOKS_UP])
        with fault.inject(target) as injection:
            met = fault.met(observed(target, injection, 1.5))
        assert met.count is not None
        assert met.count >= 4, met


def packets(mode: str) -> None:
    """The same of connections that are refused, reset, or vanish."""
    fault = DependencyFailure(process="inventory", mode=mode)  # type: ignore[arg-type]
    with own_names(), app(inventory=9000) as target:
        with fault.inject(target) as injection:
            met = fault.met(observed(target, injection, 1.2))
        assert (met.count, met.why) == (0, "the app sent nothing to `inventory`"), met
        if mode == "reset":
            return  # it takes a client that sends something
        target.samples.clear()
        target.start("client", [sys.executable, "-c", _CONNECTS])
        with fault.inject(target) as injection:
            met = fault.met(observed(target, injection, 1.2))
        assert met.count is not None
        assert met.count >= 3, met


def askers() -> None:
    """By the socket that a datagram or a stream comes from, connected or not."""
    ours, nobody = Askers([os.getpid()], 5399), Askers([], 5399)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 5399))
    streams = socket.create_server(("127.0.0.1", 5399))
    connected, loose = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    connected.connect(("127.0.0.1", 5399))
    loose.sendto(b"x", ("127.0.0.1", 5399))
    stream = socket.create_connection(("127.0.0.1", 5399))
    for protocol, client in ((UDP, connected), (UDP, loose), (TCP, stream)):
        where = ("127.0.0.1", client.getsockname()[1])
        ours.note(protocol, where, "127.0.0.1")
        nobody.note(protocol, where, "127.0.0.1")
    assert (ours.count(), nobody.count()) == (3, 0)
    streams.close()


def reconnects() -> None:
    """What the app has open to a place is reset once; what it has open elsewhere, and what others have, is not."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [listener.getsockname()[1] for listener in listeners]
    with LocalTarget() as target:
        children = [
            subprocess.Popen(
                [sys.executable, "-c", _KEEPS_OPEN, str(port)], stdout=subprocess.PIPE, text=True
            )
            for port in (ports[0], ports[1], ports[0])
        ]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "open\n"
        accepted = [listeners[0].accept(), listeners[0].accept(), listeners[1].accept()]
        ours = LocalTarget(adopted={"web": children[0].pid, "worker": children[1].pid})
        with ours:
            assert reset_open(ours, [NetworkEndpoint(None, ports[0])]) == 1
            assert children[0].stdout is not None
            assert children[0].stdout.readline() == "ConnectionResetError\n"
            assert reset_open(ours, [NetworkEndpoint("127.0.0.2", None)]) == 0
            assert reset_open(ours, None) == 1
            assert children[1].stdout is not None
            assert children[1].stdout.readline() == "ConnectionResetError\n"
        time.sleep(0.1)
        assert children[2].poll() is None
        children[2].kill()
        for child in children:
            child.wait()
        del target, accepted
