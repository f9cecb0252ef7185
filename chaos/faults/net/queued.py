"""The line on a kernel packet queue: rules that pick the packets, and the process that holds them.

Packets between two local processes are taken where they arrive (LOCAL_IN on the loopback device), not where
they leave: by then the sending socket is no longer charged for them, so a delay does not throttle the
sender as TCP small queues would (netem orphans its packets for the same reason). Packets to other machines
are taken where they leave.
"""

import errno
import os
from collections.abc import Mapping
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.channel import mine
from chaos.faults.net import nft
from chaos.faults.net.carry import Carrier
from chaos.faults.net.nfqueue import RESENT, free_queue
from chaos.faults.net.selection import Selection, Sorter
from chaos.faults.net.treatment import treatment

_SYN = 0x02
_FIRST_QUEUE = 20_000


def run(selection: Mapping[str, Any], order: Mapping[str, Any], seed: int) -> None:
    """Helper: treat the packets of the selection as ordered. Says {"ready": true}; all is gone when it ends."""
    wanted = Selection.of(selection)
    channel = mine()
    try:
        whole = treatment(order, seed).whole
        number, packets = free_queue(_FIRST_QUEUE, whole=whole)
    except OSError as error:
        raise InjectionError(f"no packet queue: {error.strerror}") from error
    sorter = Sorter(wanted)
    table = _install(wanted, number, own=whole)
    carrier = Carrier(packets, sorter, order, seed, channel, lambda: sum(table.counts()))
    channel.send({"ready": True})
    carrier.run()
    last = carrier.report()
    table.close()
    carrier.flush()
    packets.close()
    channel.send({"stopped": last})


def _install(selection: Selection, number: int, *, own: bool) -> nft.Table:
    """Put the rules in place, with the way to a queue that this kernel has."""
    reasons = []
    for name, take in (("nft_queue", nft.queue), ("xt_NFQUEUE", nft.queue_by_target)):
        table = nft.Table(f"chaoslab-line-{os.getpid()}")
        try:
            table.install(chains(selection, take(number), own=own))
        except OSError as error:
            table.close()
            reasons.append(f"{name}: {error.strerror}")
            if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP, errno.EINVAL):
                break
        else:
            return table
    raise InjectionError(", ".join(reasons))


def chains(selection: Selection, take: nft.Rule, *, own: bool = False) -> list[nft.Chain]:
    """The rules of a selection; every counter is in front of a `take`. With `own`, what we send again passes."""
    passing = [nft.marked(RESENT) + nft.accept()] if own else []
    at_arrival = nft.arrived_on(nft.LOOPBACK_INDEX)
    at_leaving = nft.leaves_by_other_than(nft.LOOPBACK_INDEX)
    return [
        nft.Chain(name, hook, passing + _rules(selection, take, where, local=local))
        for name, hook, where, local in (
            ("arriving", nft.Hook.LOCAL_IN, at_arrival, True),
            ("leaving", nft.Hook.LOCAL_OUT, at_leaving, False),
        )
    ]


def _rules(selection: Selection, take: nft.Rule, where: nft.Rule, *, local: bool) -> list[nft.Rule]:
    tcp = where + nft.protocol(nft.TCP)
    if not selection.handshakes:
        tcp += nft.tcp_flags(_SYN, clear=True)
    udp = where + nft.protocol(nft.UDP)
    held = nft.counter() + take
    ports = sorted({*selection.ports, selection.echo_port})
    rules = [kind + nft.source_port(port) + held for kind in (tcp, udp) for port in ports]
    if selection.by_owner:
        if local:  # the answering end is delayed, so the asking end need not be looked at
            rules += [
                kind + nft.destination_port(port) + nft.accept() for kind in (tcp, udp) for port in ports
            ]
        rules += [kind + held for kind in (tcp, udp)]
    return rules
