"""A line that packets pass, seen from the fault: what it is called, what it counted, who the target is now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from chaos.errors import FaultError, InjectionError
from chaos.faults.network import queued, tun
from chaos.faults.network.selection import Selection
from chaos.faults.network.treatment import Order
from chaos.faults.support.base import Helper, Target
from chaos.faults.support.channel import ANSWERS_WITHIN_S

_STOP_S = 3.0


class ActiveTreatment(Protocol):
    """A treatment that is in place."""

    mechanism: str

    def counts(self) -> Mapping[str, int]:
        """Packets so far, `target_packets` and our own `echo_packets` at least."""

    def update(self, pids: Sequence[int]) -> None:
        """The processes of the target are these now; those of the app are asked for where they count."""


class HelperLine:
    """A line in a helper process, whatever feeds it."""

    def __init__(self, mechanism: str, helper: Helper, target: Target, selection: Selection) -> None:
        self.mechanism = mechanism
        self._helper = helper
        self._target = target
        self._apart = selection.users is not None
        self._told = (selection.pids, selection.users)

    def counts(self) -> Mapping[str, int]:
        self._helper.send({"report": True})
        return dict(_expect(self._helper, "counts", ANSWERS_WITHIN_S))

    def update(self, pids: Sequence[int]) -> None:
        now = (tuple(pids), tuple(self._target.pids()) if self._apart else None)
        if now != self._told:
            self._told = now
            self._helper.send({"pids": now[0], "users": now[1]})


@contextmanager
def nfqueue(target: Target, selection: Selection, order: Order) -> Iterator[ActiveTreatment]:
    """Backend: the packets wait in a kernel queue. Ends by removing the rules, then letting go what waits."""
    with _helper_line("nfqueue", queued.run, target, selection, order) as line:
        yield line


@contextmanager
def tun_device(target: Target, selection: Selection, order: Order) -> Iterator[ActiveTreatment]:
    """Backend: the packets are routed through a device of ours. Ends by restoring the routing first."""
    with (
        tun.tolerant_of_sources(),
        _helper_line("tun", tun.run, target, selection, order) as line,
        tun.diverted(selection),
    ):
        yield line


@contextmanager
def _helper_line(
    mechanism: str, run: Callable[..., None], target: Target, selection: Selection, order: Order
) -> Iterator[ActiveTreatment]:
    seed = target.random.getrandbits(32)
    with target.helper(run, selection=selection.arguments(), order=dict(order), seed=seed) as helper:
        _expect(helper, "ready", ANSWERS_WITHIN_S)
        try:
            yield HelperLine(mechanism, helper, target, selection)
        finally:
            with suppress(FaultError):  # it may have died: then its line has gone with it
                helper.send({"stop": True})
                _expect(helper, "stopped", _STOP_S)


def _expect(helper: Helper, key: str, timeout_s: float) -> Any:
    message = helper.receive(timeout_s)
    if message is None or key not in message:
        raise InjectionError(f"the line said nothing of {key!r} within {timeout_s:g} s")
    return message[key]
