"""Requests on connections that were open before the fault: looked at where their packets pass.

Such a connection cannot be led through the proxy. Its packets wait in a kernel queue, each for as long as it takes to
see whether a request begins in it that is meant; all others go on, byte for byte. One that is meant is held back under
`delay`; else its server never sees it: it is answered in the server's stead (`status`), or the connection ends there,
by an orderly end (`close`, `truncate`) or a reset (`abort`). What is in the middle of a download is left alone.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaos.errors import InjectionError
from chaos.faults.http.messages import NotHttp, RequestHead, kind_of, request_in
from chaos.faults.http.proxy import own_mark
from chaos.faults.http.tampering import Dice, Tampering
from chaos.faults.network import nft
from chaos.faults.network.copies import answers, resets, sequence_of
from chaos.faults.network.endpoints import NetworkEndpoint
from chaos.faults.network.flows import Flow, parse
from chaos.faults.network.nfqueue import RESENT, free_queue
from chaos.faults.network.queued import queueing
from chaos.faults.network.sockets import CLOSE_WAIT, ESTABLISHED, Sockets

_FIRST_QUEUE = 21_000
_APPLICATION_DATA = b"\x17\x03"
"""A TLS record of a connection whose handshake is over (RFC 8446 section 5.1)."""


def count(places: Sequence[NetworkEndpoint]) -> int:
    """How many connections to the places are open now: each once, from its server's end where that is here."""
    sockets = Sockets()
    flows = {one.flow for one in sockets.all(nft.TCP, 1 << ESTABLISHED | 1 << CLOSE_WAIT)}
    sockets.close()
    served = [flow for flow in flows if any(place.sends(flow) for place in places)]
    asked = [flow for flow in flows if not flow.local and any(place.sends(flow.reversed) for place in places)]
    return len(served) + sum(flow.reversed not in flows for flow in asked)


def chains(places: Sequence[NetworkEndpoint], take: nft.Rule) -> list[nft.NftChain]:
    """Packets to the places, where they arrive here or leave for elsewhere; not the proxy's own, nor ours."""
    passing = [nft.marked(mark) + nft.accept() for mark in (own_mark(), RESENT)]
    to_them = [nft.protocol(nft.TCP) + place.to_here for place in places]
    outward = nft.leaves_by_other_than(nft.LOOPBACK_INDEX)
    return [
        nft.NftChain("arriving", nft.Hook.LOCAL_IN, [*passing, *(one + take for one in to_them)]),
        nft.NftChain("leaving", nft.Hook.LOCAL_OUT, [*passing, *(outward + one + take for one in to_them)]),
    ]


@dataclass
class HeldFlow:
    """What of a flow waits: its request by its first byte's number, and the packets in their order."""

    sequence: int
    packets: list[int] = field(default_factory=list)


class AlreadyOpen:
    """Begins to look at once; `release` and `close` end it."""

    def __init__(self, places: Sequence[NetworkEndpoint], thrown_for: Callable[[Flow], Dice]) -> None:
        number, self._queue = free_queue(_FIRST_QUEUE, whole=True, sends=True)
        try:
            self._table = queueing(number, lambda take: chains(places, take), "open")
        except InjectionError:
            self._queue.close()
            raise
        self._thrown_for = thrown_for
        self._held: dict[Flow, HeldFlow] = {}
        self._unread: set[Flow] = set()

    def watch(self) -> None:
        """Look at packets as they come, in the running loop."""
        asyncio.get_running_loop().add_reader(self._queue.fileno(), self._take)

    def counts(self) -> dict[str, int]:
        """Connections whose requests cannot be read: they are TLS, or HTTP/2 from their beginning."""
        return {"open_unread": len(self._unread)}

    def close(self) -> None:
        """All goes on."""
        asyncio.get_running_loop().remove_reader(self._queue.fileno())
        for flow in list(self._held):  # first: what waits when its rule is removed is dropped by the kernel
            self._let_go(flow)
        self._table.close()
        while packets := self._queue.read():
            self._queue.release([number for number, _, _ in packets])
        self._queue.close()

    def _take(self) -> None:
        for number, packet, _ in self._queue.read():
            parsed = parse(packet)
            if parsed is None or len(packet) < parsed.size:
                self._queue.release([number])
            elif parsed.flow in self._held:
                self._behind(self._held[parsed.flow], number, packet)
            else:
                self._look(number, packet, parsed.flow, packet[parsed.size - parsed.data : parsed.size])

    def _behind(self, held: HeldFlow, number: int, packet: bytes) -> None:
        """Keep the order; what is sent again because it was not acknowledged in time comes only once."""
        if sequence_of(packet) == held.sequence:
            self._queue.drop([number])
        else:
            held.packets.append(number)

    def _look(self, number: int, packet: bytes, flow: Flow, data: bytes) -> None:
        request = self._request(flow, data)
        dice = None if request is None else self._thrown_for(flow)
        if request is None or dice is None or not dice.meant(request):
            self._queue.release([number])
            return
        dice.faulted += 1
        if dice.tampering.mode == "delay":
            self._held[flow] = HeldFlow(sequence_of(packet), [number])
            asyncio.get_running_loop().call_later(dice.tampering.delay_s, self._let_go, flow)
            return
        self._queue.drop([number])
        self._queue.resend(_instead(dice.tampering, request, data)(packet))

    def _request(self, flow: Flow, data: bytes) -> RequestHead | None:
        if data[:2] == _APPLICATION_DATA or (data and kind_of(data) != "other"):
            self._unread.add(flow)
        try:
            return request_in(data) if data else None
        except NotHttp:
            return None

    def _let_go(self, flow: Flow) -> None:
        held = self._held.pop(flow, None)
        if held is not None:
            self._queue.release(held.packets)


def _instead(tampering: Tampering, request: RequestHead, data: bytes) -> Callable[[bytes], list[bytearray]]:
    """What the client gets; an answer only to a request that is all there."""
    if tampering.mode == "abort" or not (_whole(request, data) or request.expects_continue):
        return resets
    answer = tampering.answer(request, closes=True) if tampering.mode == "status" else b""
    return lambda packet: answers(packet, answer)


def _whole(request: RequestHead, data: bytes) -> bool:
    try:
        request.body.take(data[len(request.raw) :])
    except NotHttp:
        return False
    return request.body.done
