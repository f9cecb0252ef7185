"""Repository page in Prefect: what the repository looks like now, and the account that it is made from.

An artifact of its own for each repository: written after a sync that did something, and after each of its runs that
ends on the machine that follows it. A page that cannot be shown matters to neither.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect.client.orchestration import PrefectClient

from chaos.gitops.account import LastRun, LastSync, accounts, file_of
from chaos.gitops.decide import Action, SyncPolicy
from chaos.gitops.expected import expected, stalls
from chaos.gitops.memory import SyncMemory
from chaos.gitops.observed import Observed
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.status import statuses
from chaos.gitops.status_text import page
from chaos.gitops.wanted import Desired, DesiredDeployment
from chaos.text.inert import markdown
from flows.repositories.last_runs import last_runs, runs_of
from flows.repositories.mirrors import copies
from flows.server.process import locked


async def after_sync(
    client: PrefectClient,
    mirror: Mirror,
    desired: Desired,
    seen: Observed,
    actions: list[Action],
    policy: SyncPolicy,
    looked_at: frozenset[str] | None,
) -> None:
    """Take down what a reconciliation came to, and show it. Raises OSError, and what Prefect's client raises."""
    file = file_of(mirror)
    own = seen.of(desired.repository)
    runs = runs_of(own, await last_runs(client, own.every)) if looked_at is None else {}
    with locked(file.with_suffix(".account-lock")):
        before = LastSync.load(file)
        source = mirror.source
        account = LastSync(
            repository=desired.repository,
            branch=source.branch,
            path=source.path,
            commit=desired.commit,
            at=time.time(),
            stalls=stalls(desired, seen, policy, before, looked_at),
            runs={} if before is None else before.runs,
        ).with_runs(runs, {*desired.wanted, *own.deployments})
        account.save(file)
    await show(client, account, desired.wanted, expected(desired, seen, actions))


async def after_run(client: PrefectClient, repository: str, name: str, ended: LastRun) -> None:
    """Take down what a run came to, where this machine follows its repository. Raises like after_sync."""
    for file, found in accounts(copies()):
        wanted = SyncMemory.load(file.with_suffix(".synced")).wanted
        if found.repository != repository or name not in wanted:
            continue
        with locked(file.with_suffix(".account-lock")):
            account = (LastSync.load(file) or found).with_runs(
                {name: replace(ended, push_digest=ended.push_digest or wanted[name].push_digest)}, wanted
            )
            account.save(file)
        desired = Desired(repository, account.commit, wanted)
        await show(client, account, wanted, expected(desired, Observed(), []))


async def show(
    client: PrefectClient, account: LastSync, wanted: Mapping[str, DesiredDeployment], seen: Observed
) -> None:
    """Write the page. Raises what Prefect's client raises."""
    words = page(account, statuses(account, wanted, seen, time.time()))
    body: dict[str, Any] = {
        "key": key_of(account),
        "type": "markdown",
        "description": f"What {markdown(account.repository)} looks like now",
        "data": words,
    }
    await client.request("POST", "/artifacts/", json=body)


def key_of(account: LastSync) -> str:
    """`repository-shop-1f2e3d4c`: an artifact's key may hold lower-case letters, digits and dashes only."""
    last = Path(account.repository).name.removesuffix(".git").lower()
    word = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in last).strip("-")
    whole = f"{account.repository}\0{account.branch}\0{account.path}"
    return f"repository-{word[:40] or 'x'}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
