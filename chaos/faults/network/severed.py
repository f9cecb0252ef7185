"""Cut the way to a dependency: refuse, lose, or reset what is sent to it."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.linux.marks import OURS
from chaos.faults.network import nft
from chaos.faults.network.endpoints import NetworkEndpoint, from_json
from chaos.faults.network.netlink import nft_refusal
from chaos.faults.network.orphans import Sweeper
from chaos.faults.support.channel import mine

_SWEEP_S = 0.1
_PSH = 0x08
_LONGEST_HEADERS = 120
"""60 bytes of IPv4 and 60 of TCP; with IPv6 it is less. A longer packet carries data."""


def run(mode: str, endpoints: Sequence[Mapping[str, Any]]) -> None:
    """Helper: sever the endpoints until told {"stop": true}, or until this process ends.

    Says {"ready": true, "reset": open connections it reset at once, "sweeps": whether half-open ends are ended}, and to
    {"count": true} {"packets": how many of others than us were denied}.
    """
    places = from_json(endpoints)
    table = nft.Table(f"chaoslab-cut-{os.getpid()}")
    try:
        leaving = [*counting(mode, places), *rules(mode, places)]
        table.install([nft.NftChain("leaving", nft.Hook.LOCAL_OUT, leaving)])
    except OSError as error:
        raise InjectionError(f"no packet rules: {nft_refusal(error)}") from error
    sweeper = Sweeper(lambda flow: any(place.sends(flow) for place in places))
    sweeps = mode != "blackhole" and sweeper.can_end()
    at_once = sweeper.end_all() if sweeps and mode == "refuse" else 0
    mine().send({"ready": True, "reset": at_once, "sweeps": sweeps})
    while "stop" not in (message := mine().receive(_SWEEP_S) or {}):
        if "count" in message:
            mine().send({"packets": sum(table.counts())})
        if sweeps:
            sweeper.sweep()
    table.close()
    for _ in range(2 if sweeps else 0):
        sweeper.sweep()
    mine().send({"stopped": True})


def counting(mode: str, endpoints: Sequence[NetworkEndpoint]) -> list[nft.Rule]:
    """Rules that count what the others deny, but for what we send ourselves (`chaos.faults.linux.marks`)."""
    found = []
    for endpoint in endpoints:
        tcp = nft.protocol(nft.TCP) + endpoint.to_here + nft.not_marked(OURS)
        if mode == "reset":
            found += [tcp + nft.longer_than(_LONGEST_HEADERS) + nft.counter()]
            found += [tcp + nft.not_longer_than(_LONGEST_HEADERS) + nft.tcp_flags(_PSH) + nft.counter()]
        else:
            udp = nft.protocol(nft.UDP) + endpoint.to_here + nft.not_marked(OURS)
            found += [tcp + nft.counter(), udp + nft.counter()]
    return found


def rules(mode: str, endpoints: Sequence[NetworkEndpoint]) -> list[nft.Rule]:
    """What happens to packets that leave for the endpoints, and in a black hole also to those that come from them."""
    found = []
    for endpoint in endpoints:
        tcp = nft.protocol(nft.TCP) + endpoint.to_here
        udp = nft.protocol(nft.UDP) + endpoint.to_here
        if mode == "refuse":
            found += [tcp + nft.reset(), udp + nft.unreachable()]
        elif mode == "blackhole":
            found += [tcp + nft.drop(), udp + nft.drop()]
            found += [nft.protocol(kind) + endpoint.from_here + nft.drop() for kind in (nft.TCP, nft.UDP)]
        else:
            # A request's last segment has PSH set; a longer one carries data whatever its flags.
            found += [tcp + nft.tcp_flags(_PSH) + nft.reset()]
            found += [tcp + nft.longer_than(_LONGEST_HEADERS) + nft.reset()]
    return found
