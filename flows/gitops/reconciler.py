"""Reconciler: brings Prefect in line with a repository: fetch, read, observe, decide, apply.

1. head     ask the repository for its commit; the one that was brought in line already needs no more
2. read     fetch it, parse what changed
3. observe  the deployments: only those whose manifests changed, or all (the first time, when one went, on a sweep)
4. decide   pure
5. apply    one action after the other; what stalls is remembered first, the commit last

One at a time for each repository and machine: who comes second waits, and then finds nothing to do. Other machines are
not waited for: a branch that moved on while its commit was read is read again before anything is changed, and after the
last change it is looked at once more. So whoever changes something last leaves what the head says, however slow it was.
"""

from asyncio import to_thread
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from time import monotonic, time

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from chaos.gitops.decide import Action, SyncPolicy, carried, decide, standing
from chaos.gitops.memory import SyncMemory
from chaos.gitops.observed import Observed
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.scoped import scoped
from chaos.gitops.wanted import Desired
from chaos.runs.semaphore import seat
from flows.gitops.deployments import Deployments
from flows.gitops.fast_path import Synced as Synced
from flows.gitops.fast_path import in_line
from flows.prefect.progress import API_FAILURES
from flows.repositories.page import after_sync


async def reconcile(
    mirror: Mirror,
    out: Path,
    policy: SyncPolicy | None = None,
    *,
    sweep: bool = False,
    dry_run: bool = False,
    on_action: Callable[[Action], None] = lambda action: None,
) -> Synced:
    """Bring the API that Prefect's settings name in line. Raises GitError, and what Prefect's client raises.

    `sweep` looks at every deployment, though nothing was pushed: that finds what was changed by hand. `dry_run` stops
    before the first action.
    """
    policy = policy or SyncPolicy()
    async with seat(mirror.git.folder.with_suffix(".turns"), 1):
        memory = await to_thread(SyncMemory.load, SyncMemory.file_of(mirror))
        everything = sweep or policy.prune_all
        if not everything and (
            done := await to_thread(in_line, mirror, memory, PREFECT_API_URL.value() or "")
        ):
            return done
        async with get_client() as client:
            api, asked = str(client.api_url), mirror.source.asked
            memory = memory if (memory.api, memory.asked) == (api, asked) else SyncMemory(api)
            deployments = Deployments(client, str(out.absolute()))
            everything = everything or memory.waiting
            acted: tuple[Action, ...] = ()
            for left in reversed(range(_MOST_ROUNDS)):
                came = await _Round(mirror, deployments, memory, policy).go(everything, dry_run, on_action)
                acted += came.actions
                if dry_run or not came.actions or not left or await to_thread(mirror.head) == came.commit:
                    break
                memory, everything = await to_thread(SyncMemory.load, SyncMemory.file_of(mirror)), False
            return replace(came, actions=acted)


_MOST_ROUNDS = 5
"""So often a branch may move on in the time of one sync; what comes later is the next one's."""
_LOOKED_S = 2.0
"""For so long the head counts as the head without another look."""


@dataclass(slots=True)
class _Round:
    """Steps 2 to 5."""

    mirror: Mirror
    deployments: Deployments
    memory: SyncMemory
    policy: SyncPolicy
    looked: float = -inf
    """When the head was last seen to be this commit."""

    async def go(self, everything: bool, dry_run: bool, on_action: Callable[[Action], None]) -> Synced:
        mirror, memory, policy = self.mirror, self.memory, self.policy
        desired = await self._desired()
        names = None if everything else _changed(desired, memory)
        seen = await self._observed(names)
        actions = decide(desired if names is None else _only(desired, names), seen, policy)
        stalled = standing(desired, seen, policy) | (
            frozenset() if names is None else carried(memory.stalled)
        )
        if not dry_run:
            applied = await self._apply(desired, actions, stalled, on_action)
            if len(applied) < len(actions):
                return self._synced(desired, applied, stalled)
            waits = _waits(desired, seen, actions)
            await self._keep(
                SyncMemory(memory.api, desired.commit, desired.wanted, stalled, waits, mirror.source.asked)
            )
            if names is None:
                _sweep_stamp(mirror).touch()
            if actions or desired.commit != memory.commit:
                with suppress(OSError, *API_FAILURES):  # it is in line, shown or not
                    await after_sync(self.deployments.client, mirror, desired, seen, actions, policy, names)
        return self._synced(desired, actions, stalled)

    def _synced(self, desired: Desired, actions: Sequence[Action], stalled: frozenset[str]) -> Synced:
        counts = len(desired.wanted), tuple(actions), len(desired.broken), len(stalled)
        return Synced(self.mirror.source.name, desired.commit, *counts)

    async def _desired(self) -> Desired:
        """What the head asks for; a name that several files ask for stays with the one that has it now."""
        asked = monotonic()
        commit = await to_thread(self.mirror.fetch)
        self.looked = asked
        desired = await to_thread(read, self.mirror, commit)
        if not desired.contested:
            return desired
        own = (await self._observed(desired.contested)).of(desired.repository)
        holders = {name: one.shape.target[1] for name, one in own.deployments.items()}
        return await to_thread(read, self.mirror, commit, holders)

    async def _observed(self, names: frozenset[str] | None) -> Observed:
        """All deployments, or those of these names, by whatever name this repository's may go."""
        whose = self.mirror.source.name
        some = None if names is None else {*names, *(scoped(name, whose) for name in names)}
        return await self.deployments.observed(self.memory.stalled, some)

    async def _apply(
        self,
        desired: Desired,
        actions: Sequence[Action],
        stalled: frozenset[str],
        on_action: Callable[[Action], None],
    ) -> Sequence[Action]:
        """Remember what stalls, and that no commit is in line; then do one thing after the other. What was done.

        That is all of them, unless the branch moves on meanwhile.
        """
        await self._keep(replace(self.memory, commit="", stalled=stalled))
        if any(action.kind == "create" for action in actions):
            await self.deployments.ready()
        for done, action in enumerate(actions):
            if not await self._is_head(desired.commit):
                return actions[:done]
            await self.deployments.apply(action, desired)
            on_action(action)
        return actions

    async def _is_head(self, commit: str) -> bool:
        """Whether the branch was at that commit a moment ago. Raises GitError."""
        if (now := monotonic()) - self.looked > _LOOKED_S:
            if await to_thread(self.mirror.head) != commit:
                return False
            self.looked = now
        return True

    async def _keep(self, memory: SyncMemory) -> None:
        await to_thread(memory.save, SyncMemory.file_of(self.mirror))


def swept_ago(mirror: Mirror) -> float:
    """Seconds since every deployment of that repository was looked at from this machine; infinite when never."""
    try:
        return time() - _sweep_stamp(mirror).stat().st_mtime
    except FileNotFoundError:
        return inf


def _sweep_stamp(mirror: Mirror) -> Path:
    return mirror.git.folder.with_suffix(".swept")


def _changed(desired: Desired, memory: SyncMemory) -> frozenset[str] | None:
    """The names to look at; None for all: when one or a broken file went, one waits, or nothing is known."""
    if not memory.commit or memory.wanted.keys() - desired.wanted.keys():
        return None
    if memory.stalled - carried(memory.stalled) - {each.key for each in desired.broken}:
        return None  # what a broken file kept may go now
    changed = frozenset(name for name, one in desired.wanted.items() if memory.wanted.get(name) != one)
    if changed and any(one.depends_on for one in desired.wanted.values()):
        return None
    return changed


def _only(desired: Desired, names: Iterable[str]) -> Desired:
    """As if the commit had only these."""
    return replace(desired, wanted={name: desired.wanted[name] for name in names})


def _waits(desired: Desired, seen: Observed, actions: Iterable[Action]) -> bool:
    """Whether something of this commit is still to be run after what runs now."""
    begun = {action.name for action in actions if action.kind == "run"}
    own = seen.of(desired.repository)

    def may_hold(name: str) -> bool:
        run = own.run(name, desired.wanted[name].push_digest)
        return name in begun or (run is not None and run.state != "failed")

    return any(
        one.on_push
        and not one.suspend
        and one.depends_on
        and one.name not in begun
        and own.run(one.name, one.push_digest) is None
        and all(map(may_hold, one.depends_on))
        for one in desired.wanted.values()
    )
