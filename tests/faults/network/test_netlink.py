"""Netlink messages as bytes, and the kernel's refusals."""

import os
import socket
import struct
from contextlib import closing

import pytest

from chaos.faults.network import netlink, nft
from chaos.faults.network.endpoints import NetworkEndpoint
from chaos.faults.network.queued import chains
from chaos.faults.network.selection import Selection
from chaos.faults.network.severed import rules
from chaos.faults.network.sockets import ESTABLISHED, LISTEN, Sockets, from_tables
from tests.faults.target import in_own_network


def test_attributes_are_padded_and_read_back() -> None:
    data = netlink.attribute(1, b"abc") + netlink.nest(2, netlink.text(3, "x"), netlink.attribute(4, b""))
    assert data[:8] == struct.pack("=HH", 7, 1) + b"abc\0"
    read = dict(netlink.attributes(data))
    assert read[1] == b"abc"
    assert dict(netlink.attributes(read[2])) == {3: b"x\0", 4: b""}
    assert list(netlink.attributes(b"\0\0\0\0\1\2\3\4")) == []


def test_messages_are_read_back() -> None:
    data = netlink.message(16, 0, 3, b"12345678") + netlink.message(2, 0, 4, b"abcd")
    assert list(netlink.messages(data)) == [(16, 3, b"12345678"), (2, 4, b"abcd")]


def lengths(selection: Selection) -> dict[str, int]:
    return {chain.name: len(chain.rules) for chain in chains(selection, nft.queue(1))}


def test_a_selection_by_port_looks_at_nothing_else() -> None:
    assert lengths(Selection((8000,), False, (), 40000)) == {"arriving": 4, "out-elsewhere": 2}  # TCP and UDP
    by_owner = Selection((8000,), True, (12,), 40000)
    assert lengths(by_owner) == {
        "arriving": 10,
        "out-elsewhere": 2,
    }  # the asking ends let pass, all else looked at


def test_every_direction_and_peer_has_rules() -> None:
    peers = (NetworkEndpoint("10.0.0.7", 5432), NetworkEndpoint("::1", None))
    both = Selection((8000,), False, (), 40000, "all", ("out", "in"), peers)
    assert lengths(both) == {"arriving": 4 + 8, "in-elsewhere": 4, "out-elsewhere": 4}
    opening = Selection((8000,), False, (), 40000, "opening", ("out",))
    assert lengths(opening) == {"arriving": 2, "out-elsewhere": 1}


def test_each_way_to_sever_has_rules() -> None:
    place = [NetworkEndpoint("127.0.0.1", 9000), NetworkEndpoint("::1", None)]
    assert [len(rules(mode, place)) for mode in ("refuse", "blackhole", "reset")] == [4, 8, 4]


def refusals() -> None:
    """A batch with an unknown expression is refused whole, and the next one is not confused by that."""
    unknown = nft.Table("t")
    with pytest.raises(FileNotFoundError):
        unknown.install([nft.NftChain("c", nft.Hook.LOCAL_OUT, [nft.counter(), nft._expression("nonsense")])])
    unknown.install([nft.NftChain("c", nft.Hook.LOCAL_OUT, [nft.counter() + nft.drop(), nft.counter()])])
    assert unknown.counts() == [0, 0]
    other = nft.Table("t")
    with pytest.raises(OSError, match=r"exists|permitted"):
        other.install([])
    unknown.close()
    other.install([])
    other.close()


def both_ways_to_list_sockets() -> None:
    """What the kernel says of its sockets is what its tables in /proc say, for IPv4, IPv6 and IPv4 on IPv6."""
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both,
        socket.create_server(("127.0.0.1", 0)) as old,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        port, old_port = both.getsockname()[1], old.getsockname()[1]
        ends = [
            socket.create_connection(at)
            for at in (("127.0.0.1", port), ("::1", port), ("127.0.0.1", old_port))
        ]
        sockets = Sockets()
        for protocol in (nft.TCP, nft.UDP):
            said = {(s.flow, s.state, s.inode) for s in sockets.all(protocol)}
            assert said == {(s.flow, s.state, s.inode) for s in from_tables(protocol)}
            assert said
        for end in ends:
            inode = os.fstat(end.fileno()).st_ino
            (flow,) = [s.flow for s in from_tables(nft.TCP) if s.inode == inode]
            found = sockets.find(flow)
            assert found is not None
            assert found.inode == inode
            end.close()
        sockets.close()


def ended_connections() -> None:
    """One that goes between the look at it and its end takes nothing along: the listener of its port goes on."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.create_server((host, 0), family=family) as listener, closing(Sockets()) as sockets:
            port = listener.getsockname()[1]
            client = socket.create_connection((host, port))
            accepted, _ = listener.accept()
            seen = [
                s
                for s in sockets.all(nft.TCP, 1 << ESTABLISHED)
                if port in (s.flow.source_port, s.flow.destination_port)
            ]
            assert len(seen) == 2
            for end in (client, accepted):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone at once
                end.close()
            for end in seen:
                with pytest.raises(OSError, match=r"No such file|Stale"):
                    sockets.destroy(end)
            (listening,) = [s for s in sockets.all(nft.TCP, 1 << LISTEN) if s.flow.source_port == port]
            with pytest.raises(OSError, match="not a connection"):
                sockets.destroy(listening)
            with socket.create_connection((host, port)) as again, listener.accept()[0] as other:
                (end,) = [s for s in sockets.all(nft.TCP, 1 << ESTABLISHED) if s.flow.source_port == port]
                sockets.destroy(end)
                with pytest.raises(ConnectionResetError):
                    again.recv(1)
                with pytest.raises(ConnectionAbortedError):
                    other.recv(1)


@pytest.mark.parametrize("body", ["refusals", "both_ways_to_list_sockets", "ended_connections"])
def test_in_a_network_of_its_own(body: str) -> None:
    in_own_network(f"{__name__}:{body}")
