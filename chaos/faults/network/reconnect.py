"""Reset the connections that the app keeps open, once, so that it has to connect, and look up names, anew."""

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network.endpoints import NetworkEndpoint, from_json, named, of_host, to_json
from chaos.faults.network.nft import TCP
from chaos.faults.network.owners import family_of, socket_inodes
from chaos.faults.network.sockets import CLOSE_WAIT, ESTABLISHED, LISTEN, Socket, Sockets
from chaos.faults.support.base import Fault, Target
from chaos.faults.support.channel import mine

_WITHIN_S = 5.0
_CANNOT = -1


def peers_of(fault: Fault, target: Target) -> list[NetworkEndpoint] | None:
    """Whom the fault is about, where it names somebody; None: everybody. Before it is in place: names still have
    addresses."""
    name, port = fault.about_peer()
    if name is None:
        return None if port is None else [NetworkEndpoint(None, port)]
    if name in target.names():
        return named(target, None, name, None) if port is None else [NetworkEndpoint(None, port)]
    try:
        return of_host(name, port)
    except (
        InjectionError
    ):  # it is this machine, or has no address: then nobody else is meant than who is connected
        return None if port is None else [NetworkEndpoint(None, port)]


def reset_open(target: Target, peers: Sequence[NetworkEndpoint] | None) -> int:
    """How many connections that the app asked for were reset. Raises InjectionError where this kernel can end none."""
    about = None if peers is None else to_json(peers)
    with target.helper(run, pids=list(target.pids()), peers=about) as helper:
        message = helper.receive(_WITHIN_S)
    if message is None:
        raise InjectionError(f"open connections were not reset within {_WITHIN_S:g} s")
    if message["reset"] == _CANNOT:
        raise InjectionError("reconnect: this kernel cannot end open connections (CONFIG_INET_DIAG_DESTROY)")
    return int(message["reset"])


def run(pids: Sequence[int], peers: Sequence[Mapping[str, Any]] | None) -> None:
    """Helper. Says {"reset": n}.

    Where the answering end is here, that is the one that is ended, and the app sees ECONNRESET; else the app's own end
    is, and it sees ECONNABORTED (tcp_abort in Linux).
    """
    sockets, places = Sockets(), None if peers is None else from_json(peers)
    if not sockets.can_destroy():
        mine().send({"reset": _CANNOT})
        return
    ours = {inode for root in pids for pid in family_of(root) for inode in socket_inodes(pid)}
    listening = {socket.flow.source_port for socket in sockets.all(TCP, 1 << LISTEN)}
    opened = {socket.flow: socket for socket in sockets.all(TCP, 1 << ESTABLISHED | 1 << CLOSE_WAIT)}
    asked = [
        (opened.get(socket.flow.reversed), socket)
        for socket in opened.values()
        if socket.inode in ours
        and socket.flow.source_port not in listening
        and (places is None or any(place.sends(socket.flow.reversed) for place in places))
    ]
    mine().send({"reset": sum(_ended(sockets, ends) for ends in asked)})


def _ended(sockets: Sockets, ends: Sequence[Socket | None]) -> bool:
    """Whether one of them was still there to be ended, the first if it was."""
    for end in filter(None, ends):
        try:
            sockets.destroy(end)
        except OSError:  # gone meanwhile
            continue
        return True
    return False
