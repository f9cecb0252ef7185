"""Flows read from packets, and whose they are."""

import json
import socket
import struct
from dataclasses import dataclass

import pytest

from chaos.faults.network.endpoints import NetworkEndpoint, parted
from chaos.faults.network.flows import Flow, parse
from chaos.faults.network.orphans import orphans
from chaos.faults.network.selection import Segments, Selection, Sorter, Way
from chaos.faults.network.sockets import CLOSE_WAIT, ESTABLISHED, LISTEN, Socket

HERE, THERE = socket.inet_aton("127.0.0.1"), socket.inet_aton("10.0.0.7")
V6 = socket.inet_pton(socket.AF_INET6, "::1")
SYN, ACK = 2, 16


def ipv4(protocol: int, flags: int = ACK, options: bytes = b"", data: int = 0) -> bytes:
    size = 40 + len(options) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, size, 0, 0, 64, protocol, 0, HERE, THERE)
    return head + options + struct.pack("!HHIIBB", 8000, 41000, 0, 0, 0x50, flags)


def ipv6(protocol: int, flags: int = ACK) -> bytes:
    head = struct.pack("!IHBB16s16s", 6 << 28, 20, protocol, 64, V6, V6)
    return head + struct.pack("!HHIIBB", 8000, 41000, 0, 0, 0x50, flags)


@pytest.mark.parametrize(
    ("head", "flow", "opens"),
    [
        (ipv4(6), Flow(6, HERE, 8000, THERE, 41000), False),
        (ipv4(6, SYN | ACK), Flow(6, HERE, 8000, THERE, 41000), True),
        (ipv4(6, SYN, options=b"\1" * 8), Flow(6, HERE, 8000, THERE, 41000), True),
        (ipv4(17, SYN), Flow(17, HERE, 8000, THERE, 41000), False),
        (ipv6(6, SYN), Flow(6, V6, 8000, V6, 41000), True),
    ],
)
def test_a_packet_is_read_from_its_first_bytes(head: bytes, flow: Flow, opens: bool) -> None:
    packet = parse(head)
    assert packet is not None
    assert (packet.flow, packet.opens) == (flow, opens)


@pytest.mark.parametrize("head", [b"", ipv4(1), ipv6(58), ipv4(6)[:22], ipv4(6)[:12], ipv6(6)[:30]])
def test_what_cannot_be_read_is_nobodys(head: bytes) -> None:
    assert parse(head) is None


@pytest.mark.parametrize(
    ("source", "destination", "local"),
    [
        (HERE, HERE, True),
        (HERE, socket.inet_aton("127.9.9.9"), True),
        (V6, V6, True),
        (THERE, THERE, True),
        (HERE, THERE, False),
        (b"\xfd" + V6[1:], V6, False),
    ],
)
def test_both_ends_here(source: bytes, destination: bytes, local: bool) -> None:
    assert Flow(6, source, 1, destination, 2).local is local


@dataclass
class Network:
    """A kernel's list of sockets, written by hand."""

    sockets: list[Socket]

    def orphans_at(self, port: int) -> set[Flow]:
        return orphans(self.sockets, lambda flow: flow.source_port == port)


CLIENT = Flow(6, HERE, 41000, HERE, 9000)
SERVER = CLIENT.reversed


@pytest.mark.parametrize(
    ("sockets", "found"),
    [
        ([Socket(SERVER, ESTABLISHED, 5), Socket(CLIENT, ESTABLISHED, 6)], set()),
        ([Socket(SERVER, ESTABLISHED, 5), Socket(CLIENT, 6, 0)], set()),  # the client is in TIME_WAIT
        ([Socket(SERVER, ESTABLISHED, 5)], {SERVER}),
        ([Socket(SERVER, CLOSE_WAIT, 5)], {SERVER}),
        ([Socket(SERVER, LISTEN, 5)], set()),
        ([Socket(CLIENT, ESTABLISHED, 5)], set()),  # not an end of the dependency
        ([Socket(Flow(6, HERE, 9000, THERE, 41000), ESTABLISHED, 5)], set()),  # the other end is elsewhere
    ],
)
def test_an_orphan_is_an_open_end_whose_peer_is_gone(sockets: list[Socket], found: set[Flow]) -> None:
    assert Network(sockets).orphans_at(9000) == found


def test_a_selection_survives_the_way_to_a_helper() -> None:
    selection = Selection((8000, 8001), True, (12, 13), 40000)
    assert Selection.of(selection.arguments()) == selection
    other = Selection((), False, (), 1, "data", ("in",), (NetworkEndpoint("10.0.0.7", None),))
    assert Selection.of(json.loads(json.dumps(other.arguments()))) == other


@pytest.mark.parametrize(
    ("segments", "spared"),
    [("all", []), ("exchange", ["begins", "accepts"]), ("opening", ["accepts", "asks", "says"]),
     ("data", ["begins", "accepts", "says"])],
)  # fmt: skip
def test_only_the_segments_that_count_are_treated(segments: Segments, spared: list[str]) -> None:
    heads = {"begins": ipv4(6, SYN), "accepts": ipv4(6, SYN | ACK), "asks": ipv4(6, data=9), "says": ipv4(17)}
    selection = Selection((8000,), False, (), 40000, segments)
    packets = {name: parse(head) for name, head in heads.items()}
    assert [name for name, packet in packets.items() if packet and selection.spares(packet)] == spared


@pytest.mark.parametrize(
    ("head", "bare"),
    [(ipv4(6), True), (ipv4(6, data=1), False), (ipv4(6, SYN), False), (ipv4(6, ACK | 1), False),
     (ipv4(6, ACK | 4), False), (ipv6(6), True), (ipv4(17), False)],
)  # fmt: skip
def test_what_only_acknowledges_is_bare(head: bytes, bare: bool) -> None:
    packet = parse(head)
    assert packet is not None
    assert packet.bare is bare


OUT, IN = Flow(6, HERE, 8000, THERE, 41000), Flow(6, THERE, 41000, HERE, 8000)


@pytest.mark.parametrize(
    ("ways", "peers", "sorted_as"),
    [
        (("out",), (), ["target out", "other", "echo out", "other"]),
        (("in",), (), ["other", "target in", "other", "echo in"]),
        (("out", "in"), (), ["target out", "target in", "echo out", "echo in"]),
        (
            ("out", "in"),
            (NetworkEndpoint("10.0.0.7", None),),
            ["target out", "target in", "echo out", "echo in"],
        ),
        (
            ("out", "in"),
            (NetworkEndpoint("10.0.0.7", 41000),),
            ["target out", "target in", "echo out", "echo in"],
        ),
        (("out", "in"), (NetworkEndpoint("10.0.0.8", None),), ["other", "other", "echo out", "echo in"]),
        (("out", "in"), (NetworkEndpoint("10.0.0.7", 41001),), ["other", "other", "echo out", "echo in"]),
    ],
)
def test_whose_a_packet_is_by_way_and_peer(
    ways: tuple[Way, ...], peers: tuple[NetworkEndpoint, ...], sorted_as: list[str]
) -> None:
    sorter = Sorter(Selection((8000,), False, (), 40000, "all", ways, peers))
    ours = Flow(6, HERE, 40000, HERE, 42000)
    found = [sorter.sort(flow) for flow in (OUT, IN, ours, ours.reversed)]
    assert [kind if kind == "other" else f"{kind} {way}" for kind, way in found] == sorted_as


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("db", ("db", None)), ("db:5432", ("db", 5432)), ("10.0.0.7", ("10.0.0.7", None)), ("::1", ("::1", None)),
        ("[::1]:80", ("::1", 80)), ("[fd00::7]", ("fd00::7", None)),
    ],
)  # fmt: skip
def test_a_peer_is_read(written: str, read: tuple[str, int | None]) -> None:
    assert parted(written) == read


@pytest.mark.parametrize("written", ["", "db:", ":80", "db:0", "db:65536", "a b", "[::1", "1:2:3", "db:http"])
def test_a_peer_that_cannot_be_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="peer"):
        parted(written)
