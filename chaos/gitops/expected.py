"""Expected state after a round of actions, without reading the server again. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from chaos.gitops.account import LastSync, Stall
from chaos.gitops.decide import Action, Reason, SyncPolicy, decide, shape_of
from chaos.gitops.observed import Deployed, Observed, Own, PushRun
from chaos.gitops.wanted import Desired


def expected(desired: Desired, seen: Observed, actions: Iterable[Action]) -> Observed:
    """Deployments as the commit wants them, beside those that it does not have and that stay; runs that were begun.

    `seen` may be of some names only: what was not looked at is as the round before left it.
    """
    done = list(actions)
    gone = {each.deployment for each in done if each.kind == "prune"}
    own = seen.of(desired.repository)
    kept = {
        name: each for name, each in seen.deployments.items() if each not in own.every or name not in gone
    }
    as_wanted = {own.name_of(name): _as_wanted(desired, name, own) for name in desired.wanted}
    begun = {
        (each.deployment, each.wanted.push_digest): PushRun("", "pending")
        for each in done
        if each.kind == "run" and each.wanted is not None
    }
    return Observed({**kept, **as_wanted}, {**seen.runs, **begun}, seen.stalled)


def stalls(
    desired: Desired,
    seen: Observed,
    policy: SyncPolicy,
    before: LastSync | None,
    looked_at: frozenset[str] | None,
) -> tuple[Stall, ...]:
    """Everything that stands in the way, told already or not; of what was not looked at, what stood there before."""
    some = desired.wanted if looked_at is None else {name: desired.wanted[name] for name in looked_at}
    every = decide(replace(desired, wanted=some), Observed(seen.deployments, seen.runs), policy)
    now = tuple(
        Stall(each.name, each.reason.value, each.why, each.keeps)
        for each in every
        if each.kind == "stall"
        and (looked_at is None or each.reason is Reason.BROKEN or each.name in looked_at)
    )
    if looked_at is None or before is None:
        return now
    broken, told = Reason.BROKEN.value, {each.subject for each in now}
    return (
        *now,
        *(each for each in before.stalls if each.reason != broken and each.subject not in looked_at | told),
    )


def _as_wanted(desired: Desired, name: str, own: Own) -> Deployed:
    wanted, was, called = desired.wanted[name], own.get(name), own.name_of(name)
    return Deployed(
        id=was.id if was is not None else "",
        name=called,
        repository=desired.repository,
        shape=shape_of(wanted, desired, called),
        paused=wanted.suspend or (was is not None and was.paused and not was.shape.suspended),
        commit=desired.commit,
        game_day=wanted.is_game_day,
    )
