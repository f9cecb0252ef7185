"""Who uses a service of the app: its own processes, not the probes, the load or the commands that look at it."""

from collections.abc import Collection

from chaos.faults.linux.marks import OURS
from chaos.faults.network.flows import Flow
from chaos.faults.network.owners import Owners
from chaos.faults.network.sockets import Sockets

_MANY_FLOWS = 50_000


class Users:
    """Answers per flow, cached from its first packet on: when its last ones come its sender may be gone."""

    def __init__(self, pids: Collection[int]) -> None:
        self._sockets = Sockets()
        self._pids = frozenset(pids)
        self._owners = Owners(self._pids)
        self._known: dict[Flow, bool] = {}

    def update(self, pids: Collection[int]) -> None:
        """Take the pids that the app has now. What was nobody's may be theirs, so it is asked again."""
        if frozenset(pids) != self._pids:
            self._pids = frozenset(pids)
            self._owners.update(self._pids)
            self._known = {flow: known for flow, known in self._known.items() if known}

    def send(self, flow: Flow) -> bool:
        """Whether the app sends this flow, or somebody elsewhere. Whose sender nobody knows, nobody uses."""
        if not flow.local:
            return True
        known = self._known.get(flow)
        if known is None:
            found = self._sockets.find(flow)
            if found is None:
                return False
            if len(self._known) > _MANY_FLOWS:
                self._known.clear()
            known = self._known[flow] = found.mark != OURS and self._owners.owns(flow)
        return known
