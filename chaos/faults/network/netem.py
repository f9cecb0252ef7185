"""The delay line of the kernel itself: sch_netem under a prio qdisc, with u32 filters by source port.

Where the kernel has no sch_netem the first command fails and the next mechanism is taken. Made for ports only, because
tc can tell no process, so that it would delay what the agent sends, too; and without jitter, because netem reorders a
flow under it. Source: tc-netem(8), tc-prio(8), tc-u32(8).
"""

import json
import shutil
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from chaos.errors import InjectionError
from chaos.faults.network.line import ActiveTreatment
from chaos.faults.network.selection import Selection
from chaos.faults.network.treatment import Order
from chaos.faults.support.base import Target

_ROOT, _TARGET_BAND, _ECHO_BAND = "c4a0:", 4, 5
_LIMIT = "100000"
_MATCHES = (("ip", "33"), ("ipv6", "53"))
"""Protocol, and where the TCP flags are: after 20 bytes of IPv4 (no options) or 40 of IPv6, at 13 (RFC 9293)."""


def why_unfit(*, by_owner: bool, ways: Sequence[str], peers: bool, jitter: bool) -> str | None:
    """Why the kernel's delay line cannot do it, whichever the kernel; None when it can."""
    return (
        "it selects by port, and this is by process"
        if by_owner
        else "it delays what leaves a port, and this is about what reaches it"
        if tuple(ways) != ("out",)
        else "it is made for all peers of a port"
        if peers
        else "it would reorder a flow under jitter"
        if jitter
        else None
    )


@contextmanager
def netem(target: Target, selection: Selection, order: Order) -> Iterator[ActiveTreatment]:
    """Rung: every device gets the qdisc, so a packet pays once, where it leaves."""
    if order["way"] != "delay":
        raise InjectionError("made for delays only")
    delay_s = order["delay_s"]
    peers, jitter = bool(selection.peers), bool(order["jitter_s"])
    if why := why_unfit(by_owner=selection.by_owner, ways=selection.ways, peers=peers, jitter=jitter):
        raise InjectionError(why)
    if shutil.which("tc") is None:
        raise InjectionError(
            "the program tc is not here; remedy: apt-get install iproute2, or your system's package of it"
        )
    with ExitStack() as stack:
        devices = [name for _, name in socket.if_nameindex()]
        for device in devices:
            # What is undone is what was added: a refused `add root` must not take another's qdisc away.
            target.run(
                "tc", *_add(device, "root", "handle", _ROOT, "prio", "bands", "5", "priomap", *["0"] * 16)
            )
            stack.enter_context(target.undo(f"netem on {device}", partial(_remove, target, device)))
            for band, ports in ((_TARGET_BAND, selection.ports), (_ECHO_BAND, (selection.echo_port,))):
                _delay(target, device, band, ports, delay_s, spares=selection.segments == "exchange")
        yield NetemLine(target, devices)


def _add(device: str, *rest: str) -> Sequence[str]:
    return ("qdisc", "add", "dev", device, *rest)


def _remove(target: Target, device: str) -> None:
    target.run("tc", "qdisc", "del", "dev", device, "root")


def _delay(
    target: Target, device: str, band: int, ports: Sequence[int], delay_s: float, *, spares: bool
) -> None:
    """With `spares`, packets with SYN set are not delayed."""
    place = f"{_ROOT}{band}"
    delay = ("netem", "limit", _LIMIT, "delay", f"{delay_s * 1e6:.0f}us")
    target.run("tc", *_add(device, "parent", place, "handle", f"c4a{band}:", *delay))
    for protocol, flags_at in _MATCHES:
        for port in ports:
            kind = "ip6" if protocol == "ipv6" else "ip"
            match = ("match", kind, "protocol", "6", "0xff", "match", kind, "sport", str(port), "0xffff")
            no_syn = ("match", "u8", "0x00", "0x02", "at", flags_at) if spares else ()
            filters = ("filter", "add", "dev", device, "parent", _ROOT, "protocol", protocol, "u32")
            target.run("tc", *filters, *match, *no_syn, "flowid", place)


class NetemLine:
    """A delay by netem."""

    mechanism = "netem"

    def __init__(self, target: Target, devices: Sequence[str]) -> None:
        self._target = target
        self._devices = devices

    def counts(self) -> Mapping[str, int]:
        """Packets that left each band, read from `tc -s`."""
        counts = {"target_packets": 0, "echo_packets": 0}
        for device in self._devices:
            for shown in json.loads(self._target.run("tc", "-s", "-j", "qdisc", "show", "dev", device)):
                name = {"c4a4:": "target_packets", "c4a5:": "echo_packets"}.get(shown.get("handle"))
                if name is not None:
                    counts[name] += shown["packets"] + shown.get("qlen", 0)
        return counts

    def update(self, pids: Sequence[int]) -> None:
        """A port has no pids."""
