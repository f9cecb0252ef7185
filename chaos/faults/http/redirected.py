"""Lead the connections of some endpoints through the proxy: by packet rules that end with this process.

A nat rule sees the first packet of a connection only, and takes those that begin: what is open already stays as it is,
see already_open. At the end no new one is led here; those that were are carried on, untouched, each to its own end, and
then this process ends. A second table, whose rule takes nobody, keeps the kernel translating until then: with the last
such rule it stops to track connections at all, and the end of one would not reach its client. When this process is
killed the kernel closes what it opened last first, so the tables are opened before anything listens.
"""

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from chaos.errors import InjectionError
from chaos.faults.http.already_open import AlreadyOpen, count
from chaos.faults.http.proxy import Proxy, own_mark
from chaos.faults.http.tampering import Dice, Tampering
from chaos.faults.network import nft
from chaos.faults.network.endpoints import NetworkEndpoint, from_json
from chaos.faults.network.flows import Flow
from chaos.faults.network.netlink import nft_refusal
from chaos.faults.network.punctual import be_punctual
from chaos.faults.network.users import Users
from chaos.faults.support.channel import mine

if TYPE_CHECKING:
    from chaos.faults.http.secured import Terms

_GRACE_S = 1.0
"""For connections whose first packet was led here when the fault ended."""
_SYN = 0x02


def run(
    endpoints: Sequence[Mapping[str, Any]],
    echo_port: int,
    tampering: Mapping[str, Any],
    seed: int,
    identity: Mapping[str, str] | None = None,
    *,
    users: Sequence[int] | None = None,
) -> None:
    """Helper: tamper with what goes to the endpoints, and to `echo_port` here; in TLS with a certificate and its key.

    With the app's pids as `users` the requests of others here are tampered with as well, but not among the counts.
    Says {"ready", "open", "watched"}; {"report": true} gets {"counts"} of the endpoints; {"stop": true} gets
    {"stopped": counts, "carried_on": connections}, and it ends when the last of those has. Or with its channel.
    """
    _allow_many_connections()
    places, what = from_json(endpoints), Tampering.of(tampering)
    if what.mode == "delay":
        be_punctual()  # a busy machine would make every delay longer than asked
    dice, echo_dice, own_dice = (Dice(what, Random(seed + more)) for more in range(3))
    known = None if users is None else Users(users)

    def thrown_for(flow: Flow) -> Dice:
        return dice if known is None or known.send(flow) else own_dice

    staying, leading = (nft.Table(f"chaoslab-{name}-{os.getpid()}") for name in ("staying", "leading"))
    proxy = Proxy(dice, {echo_port: echo_dice}, _terms(identity, streams=what.streams), thrown_for)
    _install(staying, [nft.protocol(nft.TCP) + nft.protocol(nft.UDP) + nft.redirect(proxy.port)])
    _install(leading, rules(places, echo_port, proxy.port))
    before, how = _already_open(places, thrown_for)
    course = _Course(proxy, [dice, echo_dice, own_dice], before, leading, known)
    asyncio.run(course.run({"ready": True, **how}))
    staying.close()


run.outlives_agent = True  # type: ignore[attr-defined]


def rules(endpoints: Sequence[NetworkEndpoint], echo_port: int, port: int) -> list[nft.Rule]:
    """Where connections go that are not the proxy's own."""
    found = [nft.marked(own_mark()) + nft.accept()]
    for endpoint in [*endpoints, NetworkEndpoint(None, echo_port)]:
        address = b"" if endpoint.packed is None else nft.destination_address(endpoint.packed)
        assert endpoint.port is not None
        found.append(
            nft.protocol(nft.TCP)
            + address
            + nft.destination_port(endpoint.port)
            + nft.tcp_flags(_SYN)
            + nft.redirect(port)
        )
    return found


def _install(table: nft.Table, rules_there: Sequence[nft.Rule]) -> None:
    """The same rules for connections made here and for those that come from elsewhere."""
    try:
        table.install(
            [
                nft.NftChain("made-here", nft.Hook.LOCAL_OUT, rules_there, "nat"),
                nft.NftChain("come-here", nft.Hook.PRE_ROUTING, rules_there, "nat"),
            ]
        )
    except OSError as error:
        raise InjectionError(f"connections cannot be redirected: {nft_refusal(error)}") from error


def _terms(identity: Mapping[str, str] | None, *, streams: bool) -> "Terms | None":
    if identity is None:
        return None
    from chaos.faults.http.secured import Terms  # and `ssl`, where that is asked for only

    return Terms(identity["certificate"], identity["key"], streams=streams)


def _already_open(
    places: Sequence[NetworkEndpoint], thrown_for: Callable[[Flow], Dice]
) -> tuple[AlreadyOpen | None, dict[str, Any]]:
    """What looks at connections that are open now, and how that is said; nothing where there are none."""
    there = count(places)
    if not there:
        return None, {"open": 0, "watched": "none"}
    try:
        return AlreadyOpen(places, thrown_for), {"open": there, "watched": "packet by packet"}
    except (InjectionError, OSError) as error:
        return None, {"open": there, "watched": f"not met: no packet queue ({error})"}


def _allow_many_connections() -> None:
    """Two descriptors for each: as many as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass
class _Course:
    """From the first connection that is led here to the end of the last."""

    proxy: Proxy
    dice: Sequence[Dice]
    before: AlreadyOpen | None
    leading: nft.Table
    users: Users | None

    async def run(self, about: Mapping[str, Any]) -> None:
        """Ends this process at once when the parent is gone: only the kernel's order of closing resets all clients."""
        loop = asyncio.get_running_loop()
        self._told, self._orphaned = loop.create_future(), loop.create_future()
        loop.add_reader(mine().fileno(), self._obey)
        await self.proxy.serve()
        if self.before is not None:
            self.before.watch()
        mine().send(about)
        await asyncio.wait([self._told, self._orphaned], return_when=asyncio.FIRST_COMPLETED)
        if self._told.done():
            carrying = asyncio.create_task(self._end())
            await asyncio.wait([carrying, self._orphaned], return_when=asyncio.FIRST_COMPLETED)
        if self._orphaned.done():
            os._exit(0)

    async def _end(self) -> None:
        for one in self.dice:
            one.ended = True
        self.leading.close()
        if self.before is not None:
            self.before.close()
        mine().send({"stopped": self._counts(), "carried_on": self.proxy.release()})
        await self.proxy.carry_on(_GRACE_S)

    def _counts(self) -> dict[str, int]:
        more = {} if self.before is None else self.before.counts()
        return {**self.dice[0].counts(), **self.proxy.counts(), **more}

    def _obey(self) -> None:
        try:
            while (message := mine().receive(0)) is not None:
                if self.users is not None and message.get("users") is not None:
                    self.users.update(message["users"])
                if "report" in message:
                    mine().send({"counts": self._counts()})
                if "stop" in message and not self._told.done():
                    self._told.set_result(None)
        except EOFError:
            asyncio.get_running_loop().remove_reader(mine().fileno())
            self._orphaned.set_result(None)
