"""The line on a kernel packet queue: rules that pick the packets, and the process that holds them.

Packets between two local processes are taken where they arrive (LOCAL_IN on the loopback device), not where
they leave: by then the sending socket is no longer charged for them, so a delay does not throttle the
sender as TCP small queues would (netem orphans its packets for the same reason). Packets to other machines
are taken where they leave, and those from them where they arrive.
"""

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network import nft
from chaos.faults.network.carry import Carrier
from chaos.faults.network.nfqueue import RESENT, free_queue
from chaos.faults.network.selection import Segments, Selection, Sorter
from chaos.faults.network.treatment import treatment
from chaos.faults.support.channel import mine

_SYN, _ACK = 0x02, 0x10
_OTHER = {"out": "in", "in": "out"}
_FIRST_QUEUE = 20_000


def run(selection: Mapping[str, Any], order: Mapping[str, Any], seed: int) -> None:
    """Helper: treat the packets of the selection as ordered. Says {"ready": true}; all is gone when it ends."""
    wanted = Selection.of(selection)
    channel = mine()
    try:
        asked = treatment(order, seed)
        number, packets = free_queue(_FIRST_QUEUE, whole=asked.whole, sends=asked.sends)
    except OSError as error:
        raise InjectionError(f"no packet queue: {error.strerror}") from error
    sorter = Sorter(wanted)
    table = _install(wanted, number, own=asked.sends)
    carrier = Carrier(packets, sorter, order, seed, channel, lambda: sum(table.counts()))
    channel.send({"ready": True})
    carrier.run()
    last = carrier.report()
    table.close()
    carrier.flush()
    packets.close()
    channel.send({"stopped": last})


def _install(selection: Selection, number: int, *, own: bool) -> nft.Table:
    return queueing(number, lambda take: chains(selection, take, own=own))


def queueing(
    number: int, made: Callable[[nft.Rule], Sequence[nft.NftChain]], name: str = "line"
) -> nft.Table:
    """Put chains in place that take packets into a queue, by the way to it that this kernel has.

    Raises InjectionError.
    """
    reasons = []
    for way, take in (("nft_queue", nft.queue), ("xt_NFQUEUE", nft.queue_by_target)):
        table = nft.Table(f"chaoslab-{name}-{os.getpid()}")
        try:
            table.install(made(take(number)))
        except OSError as error:
            table.close()
            reasons.append(f"{way}: {error.strerror}")
            if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL):
                break
        else:
            return table
    raise InjectionError(", ".join(reasons))


def chains(selection: Selection, take: nft.Rule, *, own: bool = False) -> list[nft.NftChain]:
    """The rules of a selection; every counter is in front of a `take`. With `own`, what we send again passes."""
    passing = [nft.marked(RESENT) + nft.accept()] if own else []
    between = _rules(selection, take, nft.arrived_on(nft.LOOPBACK_INDEX), selection.ways, local=True)
    found = [nft.NftChain("arriving", nft.Hook.LOCAL_IN, passing + between)]
    for way, hook, where in (
        ("in", nft.Hook.LOCAL_IN, nft.arrived_on_other_than(nft.LOOPBACK_INDEX)),
        ("out", nft.Hook.LOCAL_OUT, nft.leaves_by_other_than(nft.LOOPBACK_INDEX)),
    ):
        if way in selection.ways:
            rules = _rules(selection, take, where, (way,), local=False)
            found.append(nft.NftChain(f"{way}-elsewhere", hook, passing + rules))
    return found


def _rules(
    selection: Selection, take: nft.Rule, where: nft.Rule, ways: Sequence[str], *, local: bool
) -> list[nft.Rule]:
    kinds = [where + kind for kind in _kinds(selection.segments)]
    held = nft.counter() + take
    rules = []
    if local:
        rules += [
            kind + _of(way, selection.echo_port) + held for kind in kinds for way in selection.echo_ways
        ]
    for way in ways:
        with_peer = [peer.to_here if way == "out" else peer.from_here for peer in selection.peers] or [b""]
        own = [_of(way, port) for port in sorted(selection.ports)]
        if selection.by_owner and local and len(ways) == 1 and not selection.peers:
            # The answering end is treated, so the asking end need not be looked at.
            rules += [kind + one + held for kind in kinds for one in own]
            own = []
            others = sorted({*selection.ports, selection.echo_port})
            rules += [kind + _of(_OTHER[way], port) + nft.accept() for kind in kinds for port in others]
        if selection.by_owner:
            own = [b""]
        rules += [kind + one + peer + held for kind in kinds for one in own for peer in with_peer]
    return rules


def _kinds(segments: Segments) -> list[nft.Rule]:
    """As far as a rule can tell; what carries data is told apart later."""
    tcp, udp = nft.protocol(nft.TCP), nft.protocol(nft.UDP)
    if segments == "exchange":
        return [tcp + nft.tcp_flags(_SYN, clear=True), udp]
    if segments == "opening":
        return [tcp + nft.tcp_flags(_SYN) + nft.tcp_flags(_ACK, clear=True)]
    return [tcp, udp] if segments == "all" else [tcp]


def _of(way: str, port: int) -> nft.Rule:
    """Packets that leave this port, or reach it."""
    return nft.source_port(port) if way == "out" else nft.destination_port(port)
