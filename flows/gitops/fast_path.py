"""Fast path of a sync: the result of a sync, and the check that finds nothing new without Prefect.

Importing Prefect takes longer than all the rest of such a look, which a hook or a timer may begin every few seconds.
"""

from dataclasses import dataclass

from chaos.gitops.decide import Action
from chaos.gitops.memory import SyncMemory
from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from flows.repositories.mirrors import mirror_of
from flows.server.known_api import known_api

STALLED = 2


@dataclass(frozen=True, slots=True)
class Synced:
    """What one reconciliation came to."""

    repository: str
    commit: str
    experiments: int
    actions: tuple[Action, ...]
    broken: int
    stalled: int
    """How many things stand in the way of being all in line, told now or before."""
    unchanged: bool = False
    """Whether the commit was in line already, so that nothing was asked of Prefect."""

    @property
    def exit_code(self) -> int:
        """Of the command."""
        return STALLED if self.stalled else 0


def in_line(mirror: Mirror, memory: SyncMemory, api: str) -> Synced | None:
    """Nothing was pushed since that API was brought in line, and nothing waits; None when that is not so.

    What stalled then stalls now. Raises GitError.
    """
    same = memory.api.rstrip("/") == api.rstrip("/") and memory.asked == mirror.source.asked
    if not same or memory.waiting or mirror.head() != memory.commit:
        return None
    count, stalled = len(memory.wanted), len(memory.stalled)
    return Synced(mirror.source.name, memory.commit, count, (), 0, stalled, unchanged=True)


def nothing_new(source: Source) -> Synced | None:
    """The same, said by what this machine remembers alone; None, too, when only Prefect can say which API is meant."""
    api = known_api()
    if api is None:
        return None
    mirror = mirror_of(source)
    try:
        return in_line(mirror, SyncMemory.load(SyncMemory.file_of(mirror)), api)
    except GitError:
        return None  # Whoever looks again tells why.
