"""Lead the connections of some endpoints through the proxy: by packet rules that end with this process.

A nat rule sees the first packet of a connection only, so connections that are open already are reset once, from the
server's end where it is here, else by their next packet; their clients come back through the proxy. At the end a second
table, whose rule takes nobody, keeps the kernel translating until the last connection of the proxy has ended: with the
last such rule it stops to track connections at all, and the end of one would not reach its client. When this process is
killed the kernel closes what it opened last first, so the tables are opened before anything listens.
"""

import asyncio
import contextlib
import os
import resource
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.channel import mine
from chaos.faults.net import nft
from chaos.faults.net.endpoints import Endpoint, from_json
from chaos.faults.net.orphans import Sweeper
from chaos.faults.web.proxy import MARK, Proxy
from chaos.faults.web.tampering import Dice, Tampering

_DRAIN_S = 1.0


def run(
    endpoints: Sequence[Mapping[str, Any]], echo_port: int, tampering: Mapping[str, Any], seed: int
) -> None:
    """Helper: tamper with what goes to the endpoints, and to `echo_port` here.

    Says {"ready", "ended"}; {"report": true} gets {"counts"} of the endpoints; {"stop": true} gets {"stopped": counts}.
    """
    _allow_many_connections()
    places, what = from_json(endpoints), Tampering.of(tampering)
    dice, echo_dice = Dice(what, Random(seed)), Dice(what, Random(seed + 1))
    staying, leading = (nft.Table(f"chaoslab-{name}-{os.getpid()}") for name in ("staying", "leading"))
    proxy = Proxy(dice, {echo_port: echo_dice})
    _install(staying, [nft.protocol(nft.TCP) + nft.protocol(nft.UDP) + nft.redirect(proxy.port)])
    _install(leading, rules(places, echo_port, proxy.port))
    mine().send({"ready": True, "ended": _reset_open(places)})
    asyncio.run(_serve(proxy, dice, [dice, echo_dice], leading))
    staying.close()
    mine().send({"stopped": dice.counts()})


def rules(endpoints: Sequence[Endpoint], echo_port: int, port: int) -> list[nft.Rule]:
    """Where connections go that are not the proxy's own."""
    found = [nft.marked(MARK) + nft.accept()]
    for endpoint in [*endpoints, Endpoint(None, echo_port)]:
        address = b"" if endpoint.packed is None else nft.destination_address(endpoint.packed)
        assert endpoint.port is not None
        found.append(
            nft.protocol(nft.TCP) + address + nft.destination_port(endpoint.port) + nft.redirect(port)
        )
    return found


def _install(table: nft.Table, rules_there: Sequence[nft.Rule]) -> None:
    """The same rules for connections made here and for those that come from elsewhere."""
    try:
        table.install(
            [
                nft.Chain("made-here", nft.Hook.LOCAL_OUT, rules_there, "nat"),
                nft.Chain("come-here", nft.Hook.PRE_ROUTING, rules_there, "nat"),
            ]
        )
    except OSError as error:
        raise InjectionError(f"connections cannot be redirected: {error.strerror}") from error


def _reset_open(places: Sequence[Endpoint]) -> int:
    """Open connections that were reset; -1 when this kernel cannot: then they are by their next packet."""
    sweeper = Sweeper(lambda flow: any(place.sends(flow) for place in places))
    try:
        return sweeper.end_all()
    except OSError:  # CONFIG_INET_DIAG_DESTROY is off
        return -1


def _allow_many_connections() -> None:
    """Two descriptors for each: as many as this process may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(proxy: Proxy, dice: Dice, all_dice: Sequence[Dice], leading: nft.Table) -> None:
    """Until told to stop. Raises EOFError when the parent is gone."""
    told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    channel = mine()
    asyncio.get_running_loop().add_reader(
        channel.fileno(), _obeying(told, lambda: channel.send({"counts": _counts(proxy, dice)}))
    )
    await proxy.serve()
    await told
    for one in all_dice:
        one.ended = True
    leading.close()
    await asyncio.sleep(0)  # connections that had been led here before that are taken
    await proxy.drain(_DRAIN_S)


def _counts(proxy: Proxy, dice: Dice) -> dict[str, int]:
    return {**dice.counts(), "connections": proxy.connections, "tunnels": proxy.tunnels}


def _obeying(told: "asyncio.Future[None]", report: Callable[[], None]) -> Callable[[], None]:
    def obey() -> None:
        try:
            while (message := mine().receive(0)) is not None:
                if "report" in message:
                    report()
                if "stop" in message and not told.done():
                    told.set_result(None)
        except EOFError as error:
            asyncio.get_running_loop().remove_reader(mine().fileno())
            if not told.done():
                told.set_exception(error)

    return obey
