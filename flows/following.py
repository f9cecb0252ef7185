"""Keep following repositories: one reconciliation after the other, each repository's failures its own."""

import asyncio
from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from prefect.settings import PREFECT_API_URL, temporary_settings

from chaos.errors import ChaosLabError
from chaos.gitops.decide import Action, Policy
from chaos.gitops.source import Source
from flows.mirrors import mirror_of
from flows.progress import API_FAILURES
from flows.reconcile import Synced, reconcile
from flows.server import ensure_api

BROKEN, OURS = 2, 5


@dataclass(frozen=True, slots=True)
class Following:
    """What to follow, and how."""

    sources: Sequence[Source]
    policy: Policy
    out: Path
    dry_run: bool = False
    full: bool = False
    every_s: float | None = None
    """Seconds from one look to the next; None to look once."""
    sweep_s: float = 300.0
    """Seconds from one look at everything to the next."""


async def follow(
    following: Following, say: Callable[[str], None], tell: Callable[[Action | Synced], None]
) -> int:
    """Bring Prefect in line with every source, once or until cancelled; the worst exit code of the last round."""
    api = await to_thread(ensure_api, say)
    swept = float("-inf")
    with temporary_settings({PREFECT_API_URL: api.url}):
        while True:
            sweep = following.full or (
                following.every_s is not None and monotonic() - swept > following.sweep_s
            )
            swept = monotonic() if sweep else swept
            codes = [await _one(each, following, sweep, say, tell) for each in following.sources]
            if following.every_s is None:
                return max(codes)
            await asyncio.sleep(following.every_s)


async def _one(
    source: Source,
    following: Following,
    sweep: bool,
    say: Callable[[str], None],
    tell: Callable[[Action | Synced], None],
) -> int:
    try:
        done = await reconcile(
            mirror_of(source),
            following.out,
            following.policy,
            sweep=sweep,
            dry_run=following.dry_run,
            on_action=tell,
        )
    except (ChaosLabError, *API_FAILURES) as error:
        say(f"{source.name}: {str(error) or type(error).__name__}")
        return error.exit_code if isinstance(error, ChaosLabError) else OURS
    if following.dry_run:
        for action in done.actions:
            tell(action)
    if following.every_s is None or not done.unchanged:
        tell(done)
    return BROKEN if done.broken else 0
