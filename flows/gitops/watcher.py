"""Watcher: syncs repositories again and again, one after the other; each has its own failures.

A repository is looked at when its time has come, or when somebody notifies of a push. One that fails is tried again
after twice the time, up to five minutes; no push is forgotten before a look has succeeded.
"""

import asyncio
from asyncio import to_thread
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from chaos.errors import ChaosLabError
from chaos.gitops.decide import Action, SyncPolicy
from chaos.gitops.repository.source import Source, SourceError
from flows.gitops.fast_path import STALLED as STALLED
from flows.gitops.reconciler import Synced, reconcile, swept_ago
from flows.prefect.progress import API_FAILURES
from flows.repositories.mirrors import mirror_of
from flows.server.api import ensure_api
from flows.server.local import speaking_to

OURS = 5
MOST_PATIENCE_S = 300.0


@dataclass(frozen=True, slots=True)
class Following:
    """What to follow, and how."""

    sources: Sequence[Source]
    policy: SyncPolicy
    out: Path
    dry_run: bool = False
    full: bool = False
    every_s: float | None = None
    """Seconds from one look to the next; None to look once."""
    sweep_s: float | None = None
    """Look at every deployment, though nothing was pushed, when that was so many seconds ago."""

    def __post_init__(self) -> None:
        """Raises SourceError: what belongs to a repository is known by its name, so two parts of one would fight."""
        names = [each.name for each in self.sources]
        for name in sorted(set(names)):
            if names.count(name) > 1:
                raise SourceError(
                    f"repository {name}: named twice; one branch and folder of it can be followed"
                )


class Notifier:
    """Notifications of pushes: a repository that is to be looked at before its time comes."""

    def __init__(self) -> None:
        self._pushed: set[Source] = set()
        self._event = asyncio.Event()

    def notify(self, source: Source) -> None:
        """Ask for a look; again before it has begun makes no difference."""
        self._pushed.add(source)
        self._event.set()

    async def wait(self, most_s: float) -> set[Source]:
        """The repositories that were pushed to; none when there was no push for that long."""
        try:
            async with asyncio.timeout(max(most_s, 0)):
                await self._event.wait()
        except TimeoutError:
            return set()
        self._event.clear()
        pushed, self._pushed = self._pushed, set()
        return pushed


async def follow(
    following: Following,
    log: Callable[[str], None],
    on_action: Callable[[Action | Synced], None],
    notifier: Notifier | None = None,
) -> int:
    """Bring Prefect in line with every source, once or until cancelled; the worst exit code of the last round."""
    api = await to_thread(ensure_api, log)
    due = dict.fromkeys(following.sources, 0.0)
    failures = dict.fromkeys(following.sources, 0)
    notifier = notifier or Notifier()
    with speaking_to(api.url):
        while True:
            codes = []
            for source in [each for each in due if due[each] <= monotonic()]:
                codes.append(await _one(source, following, log, on_action))
                failures[source] = failures[source] + 1 if codes[-1] == OURS else 0
                due[source] = monotonic() + _patience_s(following.every_s or 0, failures[source])
            if following.every_s is None:
                return max(codes)
            for source in await notifier.wait(min(due.values()) - monotonic()):
                due[source] = 0.0


def _patience_s(every_s: float, failures: int) -> float:
    """Seconds until the next look, after so many failures on end."""
    return max(every_s, min(every_s * 2.0 ** min(failures, 30), MOST_PATIENCE_S))


async def _one(
    source: Source,
    following: Following,
    log: Callable[[str], None],
    on_action: Callable[[Action | Synced], None],
) -> int:
    mirror = mirror_of(source)
    aged = following.sweep_s is not None and swept_ago(mirror) > following.sweep_s
    try:
        done = await reconcile(
            mirror,
            following.out,
            following.policy,
            sweep=following.full or aged,
            dry_run=following.dry_run,
            on_action=on_action,
        )
    except (ChaosLabError, *API_FAILURES) as error:
        why = str(error) or type(error).__name__
        log(why if why.startswith(f"{source.name}: ") else f"{source.name}: {why}")
        return error.exit_code if isinstance(error, ChaosLabError) else OURS
    if following.dry_run:
        for action in done.actions:
            on_action(action)
    if following.every_s is None or not done.unchanged:
        on_action(done)
    return done.exit_code
