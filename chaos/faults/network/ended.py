"""End the open connections of a target, so that both of their ends learn of it."""

from collections.abc import Mapping
from typing import Any

from chaos.errors import InjectionError
from chaos.faults.network.flows import Flow
from chaos.faults.network.nft import TCP
from chaos.faults.network.orphans import Sweeper
from chaos.faults.network.selection import Selection, Sorter
from chaos.faults.network.sockets import LISTEN, Sockets
from chaos.faults.network.treatment import lot
from chaos.faults.support.base import Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S, mine

CANNOT = -1


def end_open(target: Target, selection: Selection, share: float, seed: int) -> tuple[int, int]:
    """How many of the selection's connections were reset, CANNOT where this kernel can end none.

    And how many of those were with somebody who only looks at it.
    """
    with target.helper(run, selection=selection.arguments(), share=share, seed=seed) as helper:
        message = helper.receive(ANSWERS_WITHIN_S)
    if message is None:
        raise InjectionError(f"open connections were not ended within {ANSWERS_WITHIN_S:g} s")
    return int(message["ended"]), int(message["own"])


def run(selection: Mapping[str, Any], share: float, seed: int) -> None:
    """Helper. Says {"ended": n, "own": how many of them with whom that only looks}.

    The answering end is ended, so the asking one sees a reset (ECONNRESET). The end that is ended sees ECONNABORTED,
    see tcp_abort in Linux.
    """
    sorter, listening = Sorter(Selection.of(selection)), _listening()
    aside: set[Flow] = set()

    def meant(flow: Flow) -> bool:
        if flow.local and not _answers(flow, listening):
            return False
        kind, _ = sorter.sort(flow)
        if kind != "target" or lot(seed, flow) >= share:
            return False
        if sorter.aside(flow, "out"):
            aside.add(flow)
        return True

    sweeper = Sweeper(meant)
    ended = sweeper.end_all() if sweeper.can_end() else CANNOT
    mine().send({"ended": ended, "own": len(aside) if ended > 0 else 0})


def _listening() -> frozenset[int]:
    sockets = Sockets()
    found = frozenset(socket.flow.source_port for socket in sockets.all(TCP, 1 << LISTEN))
    sockets.close()
    return found


def _answers(flow: Flow, listening: frozenset[int]) -> bool:
    """Whether this is the end that was asked for the connection; of two that nobody listens for, the lower port."""
    if (flow.source_port in listening) != (flow.destination_port in listening):
        return flow.source_port in listening
    return flow.source_port < flow.destination_port
