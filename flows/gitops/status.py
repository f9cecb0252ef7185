"""Status of all followed repositories: what this machine knows of them, and what Prefect has now."""

import time
from collections.abc import Mapping

from prefect.client.orchestration import PrefectClient

from chaos.gitops.account import LastRun, LastSync, accounts
from chaos.gitops.memory import SyncMemory
from chaos.gitops.observed import Observed
from chaos.gitops.status import ManifestStatus, statuses
from flows.gitops.deployments import Deployments
from flows.repositories.last_runs import last_runs, runs_of
from flows.repositories.mirrors import copies

Repositories = list[tuple[LastSync, tuple[ManifestStatus, ...]]]


async def look(client: PrefectClient) -> Repositories:
    """Every repository that this machine follows, then those that only Prefect knows. Raises as its client does."""
    seen = await Deployments(client, "").observed(frozenset())
    runs = await last_runs(client, (one for one in seen.deployments.values() if one.repository))
    now = time.time()
    found: Repositories = []
    for file, account in accounts(copies()):
        # None: lost, or of another version of ours.
        wanted = SyncMemory.load(file.with_suffix(".synced")).wanted or None
        own = seen.of(account.repository)
        named = account.with_runs(runs_of(own, runs), {*(wanted or ()), *own.deployments})
        found.append((named, statuses(named, wanted, seen, now)))
    return [*found, *_unfollowed({one.repository for one, _ in found}, seen, runs, now)]


def _unfollowed(followed: set[str], seen: Observed, runs: Mapping[str, LastRun], now: float) -> Repositories:
    others = {one.repository for one in seen.deployments.values() if one.repository} - followed
    ended = {each: runs_of(seen.of(each), runs) for each in sorted(others)}
    made = [LastSync(repository=each, branch="", path="", runs=ended[each]) for each in ended]
    return [(account, statuses(account, None, seen, now)) for account in made]
