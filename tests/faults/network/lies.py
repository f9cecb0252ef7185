"""Bodies of the dns failure's tests: each runs alone in a network and with mounts of its own."""

import ipaddress
import json
import socket
import time

from chaos.errors import InjectionError
from chaos.faults.dns_failure import DnsFailure
from chaos.faults.network.attempts import Lookup, resolve
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.network import delays
from tests.faults.network.delays import app, observed
from tests.faults.network.failures import own_names, state

SPOOFED = "127.0.0.66"
BUSY_MS = 300.0
"""What a lookup of a new process may take on a machine where many others want to run; the medians are judged apart."""


def look_up(name: str) -> tuple[str, str, float]:
    """How one lookup ends, its address, and how many ms it took."""
    ended = Lookup.begin(name).end(8.0)
    return str(ended["as"]), str(ended.get("address", "")), float(ended["took_ms"])


def fails(mode: str, ended_as: str) -> None:
    """The name and those below it fail, others do not; we measure it, and afterwards all is as before."""
    fault = DnsFailure(host="inventory", mode=mode)  # type: ignore[arg-type]
    with own_names(), app(inventory=9000) as target:
        before = state()
        with fault.inject(target) as injection:
            assert [resolve(name) for name in ("inventory", "a.inventory")] == [ended_as] * 2
            assert [resolve(name) for name in ("localhost", "web", "db.example")] == ["resolved"] * 3
            delivered = fault.delivered(observed(target, injection, 1.6))
        print(mode, dict(injection.notes), delivered)
        assert delivered.landed, delivered.why
        assert delivered.values == {"failed": 1.0, "mode": mode}
        assert state() == before
        assert resolve("inventory") == "resolved"


def slow(delay_ms: str) -> None:
    """The name of /etc/hosts and one that only the upstream knows come right, and so much later; others at once."""
    asked_ms = float(delay_ms)
    with own_names(), app(inventory=9000) as target:
        before = state()
        for host, address in (("inventory", "127.0.0.1"), ("db.example", "10.1.2.3")):
            fault = DnsFailure(host=host, mode="slow", delay=asked_ms / 1e3)
            with fault.inject(target) as injection:
                ended_as, where, took_ms = look_up(host)
                assert (ended_as, where) == ("resolved", address)
                assert 0 <= took_ms - asked_ms < BUSY_MS, took_ms
                assert look_up("web")[2] < BUSY_MS
                delivered = fault.delivered(observed(target, injection, asked_ms / 1e3 + 2))
            print(host, dict(injection.notes), delivered)
            assert delivered.landed, (delivered.why, target.samples)
            assert look_up(host)[2] < BUSY_MS
        assert state() == before


def spoof(address: str) -> None:
    """The name leads elsewhere, for its own kind of address; the other kind has none."""
    fault = DnsFailure(host="inventory", mode="spoof", address=address)
    with own_names(), app(inventory=9000) as target:
        before = state()
        with fault.inject(target) as injection:
            for name in ("inventory", "a.inventory"):
                ended_as, where, _ = look_up(name)
                assert ended_as == "resolved"
                assert ipaddress.ip_address(where) == ipaddress.ip_address(address)
            assert look_up("web")[1] == "127.0.0.1"
            delivered = fault.delivered(observed(target, injection, 1.6))
        print(dict(injection.notes), delivered)
        assert delivered.landed, delivered.why
        assert delivered.values == {"failed": 1.0, "mode": "spoof", "address": address}
        assert state() == before
        assert look_up("inventory")[1] == "127.0.0.1"
        if "." in address:
            connects_elsewhere(fault, target)


def connects_elsewhere(fault: DnsFailure, target: delays.LocalTarget) -> None:
    """A client that connects by name comes to the address that was asked for."""
    with socket.create_server((SPOOFED, 9001)) as listener, fault.inject(target):
        with socket.create_connection(("inventory", 9001)) as client:
            assert client.getpeername() == (SPOOFED, 9001)
        listener.accept()[0].close()


def unknown_before() -> None:
    """A name that fails the same way already cannot be made to fail."""
    fault = DnsFailure(host="inventory", mode="nxdomain")
    with own_names(), app(inventory=9000) as target, fault.inject(target):
        refused(fault, target)


def already_there() -> None:
    """A name that means that address anyway cannot be led to it."""
    with own_names(), app(inventory=9000) as target:
        refused(DnsFailure(host="inventory", mode="spoof", address="127.0.0.1"), target)
    assert resolve("localhost") == "resolved"


def refused(fault: DnsFailure, target: delays.LocalTarget) -> None:
    """It is not injected, and says that there would be no difference."""
    try:
        with fault.inject(target):
            why = "it was injected"
    except InjectionError as error:
        why = str(error)
    assert "before the fault already" in why, why


def killed_agent() -> None:
    """When the agent is killed with SIGKILL the names come back by themselves, and the mounts are gone."""
    fields = {"type": "dns_failure", "host": "inventory", "mode": "nxdomain"}
    with own_names(), app(inventory=9000) as target:
        before = state()
        with injected_elsewhere(fields, target.pids("inventory")[0]) as agent:
            assert resolve("inventory") == "EAI_NONAME"
            assert state() != before
            agent.kill()
            took = seconds_until(lambda: resolve("inventory") == "resolved" and state() == before)
    print(json.dumps({"gone_s": round(took, 3)}))
    assert took < WITHIN_S


def on_and_off() -> None:
    """How long entering and leaving take, and how soon the name is there again."""
    fault = DnsFailure(host="inventory")
    with own_names(), app(inventory=9000) as target:
        began = time.monotonic()
        with fault.inject(target):
            entered = time.monotonic() - began
            left = time.monotonic()
        print(f"enter {entered * 1e3:.0f} ms, exit {(time.monotonic() - left) * 1e3:.0f} ms")
        assert resolve("inventory") == "resolved"
