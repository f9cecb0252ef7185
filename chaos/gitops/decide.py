"""Decision of a sync: desired, observed, policy -> actions. Pure; once applied, nothing is left to do.

For each experiment of the commit: create what is not there; update what looks different; pause and resume as the
repository says; run it once per digest, after what it depends on has held. For each deployment of ours that the commit
does not have: end its run and prune it, unless a broken file names it, or may, or too much would go at once. What
carries another repository's label, or none, is never touched; where it has a name that this one asks for, this one's
gets a name of its own.

The order matters to those who are cut short: what stalls is remembered first, so that what is created later in this
round does not make the share that would go look smaller in the next; a deployment is resumed before the mark is taken
off it that says that it was the repository which had suspended it.
"""

from collections.abc import Iterator

from chaos.gitops.actions import Action as Action
from chaos.gitops.actions import Reason as Reason
from chaos.gitops.actions import SyncPolicy as SyncPolicy
from chaos.gitops.observed import Deployed, Observed, Own, Shape
from chaos.gitops.wanted import BrokenFile, Desired, DesiredDeployment
from chaos.text.inert import markdown

_LIVE = "live "
"""Begins the key of what stalls because of what there is, and not of what the commit says."""
_WAS = {True: "it was", False: "they were"}


def decide(desired: Desired, observed: Observed, policy: SyncPolicy | None = None) -> list[Action]:
    """Everything to do, in the order to do it."""
    policy = policy or SyncPolicy()
    stalls = {key: action for key, action in _stalls(desired, observed, policy)}
    return [
        *(stalls[key] for key in sorted(stalls.keys() - observed.stalled)),
        *_removed(desired, observed, policy),
        *_shaped(desired, observed, policy),
        *(_runs(desired, observed) if policy.run_on_push else ()),
    ]


def carried(stalled: frozenset[str]) -> frozenset[str]:
    """Of the keys that stood, those that only another look at the deployments can take away."""
    return frozenset(key for key in stalled if key.startswith(_LIVE))


def standing(desired: Desired, observed: Observed, policy: SyncPolicy | None = None) -> frozenset[str]:
    """The keys of all that stalls now, told already or not: what is to be remembered."""
    return frozenset(key for key, _ in _stalls(desired, observed, policy or SyncPolicy()))


def shape_of(wanted: DesiredDeployment, desired: Desired, deployment: str = "") -> Shape:
    """What its deployment is to look like, whose name may be another than the experiment's."""
    tags = {
        "chaoslab",
        deployment or wanted.name,
        *(["game-day"] if wanted.is_game_day else []),
        *(f"{key}:{value}" for key, value in wanted.labels.items()),
    }
    return Shape(
        description=markdown(wanted.hypothesis),
        tags=tuple(sorted(tags)),
        cron=wanted.cron,
        timezone=wanted.timezone,
        target=(desired.repository, wanted.path, wanted.name),
        push_digest=wanted.push_digest,
        suspended=wanted.suspend,
    )


def _stalls(desired: Desired, observed: Observed, policy: SyncPolicy) -> Iterator[tuple[str, Action]]:
    own = observed.of(desired.repository)
    for broken in desired.broken:
        yield broken.key, _broken(broken, desired, own)
    if not policy.heal:
        yield from _left(desired, own)
    going = _going(desired, own)
    if not going or policy.prune_all:
        return
    key, names = _key_of(desired, going), tuple(sorted(one.experiment for one in going))
    if unknown := _unknown(desired, own):
        why = (
            f"{', '.join(names)} would be pruned, and may be in {', '.join(unknown)}, which does not say what it "
            "holds; mend that first, or let them go by `chaoslab sync --prune-all`"
        )
        key = _LIVE + BrokenFile(desired.repository, (*names, *unknown)).key
        yield key, Action("stall", desired.repository, Reason.NAMES_UNKNOWN, why, key=key, keeps=names)
    elif not _may_go(desired, observed, policy):
        why = (
            f"{len(going)} of {len(own.every)} deployments would be pruned, and at most {policy.prune_share:.0%} "
            "may go at once; `chaoslab sync --prune-all` lets them go"
        )
        yield key, Action("stall", desired.repository, Reason.TOO_MUCH_WOULD_GO, why, key=key)


def _broken(broken: BrokenFile, desired: Desired, own: Own) -> Action:
    kept = sorted(
        one.experiment
        for one in own.every
        if one.experiment not in desired.wanted
        and (_path(one) == broken.path or one.experiment in broken.names)
    )
    last = f" {', '.join(kept)} stay{'s' * (len(kept) == 1)} as {_WAS[len(kept) == 1]}." if kept else ""
    why = "; ".join(broken.problems[:20]) + "." + last
    return Action("stall", broken.path, Reason.BROKEN, why, key=broken.key, keeps=tuple(kept))


def _shaped(desired: Desired, observed: Observed, policy: SyncPolicy) -> Iterator[Action]:
    own = observed.of(desired.repository)
    for name in sorted(desired.wanted):
        wanted, deployed, called = desired.wanted[name], own.get(name), own.name_of(name)
        shape = shape_of(wanted, desired, called)
        if deployed is None:
            also = "" if called == name else f"; called {called}, because another repository has a {name}"
            why = f"new in {wanted.path}{also}"
            yield Action("create", name, Reason.NEW, why, wanted, shape=shape, deployment=called)
        elif deployed.game_day is not wanted.is_game_day:
            why = f"{wanted.path} has another kind of that name now"
            yield Action("prune", name, Reason.CHANGED, why, deployed=deployed, deployment=called)
            yield Action("create", name, Reason.CHANGED, why, wanted, shape=shape, deployment=called)
        else:
            yield from _updated(wanted, deployed, shape, policy)


def _updated(
    wanted: DesiredDeployment, deployed: Deployed, shape: Shape, policy: SyncPolicy
) -> Iterator[Action]:
    was, differs, pushed = deployed.shape, _differing(deployed, shape), deployed.applied != shape.mark
    if shape.suspended and not deployed.paused:
        yield Action(
            "pause", wanted.name, Reason.SUSPENDED, "suspended in the repository", wanted, deployed, shape
        )
    if was.suspended and not shape.suspended and deployed.paused:
        why = "no longer suspended in the repository"
        yield Action("resume", wanted.name, Reason.RESUMED, why, wanted, deployed, shape)
    if differs and (pushed or policy.heal):
        reason = Reason.CHANGED if pushed else Reason.DRIFTED
        why = f"{differs} from {wanted.path}"
        yield Action("update", wanted.name, reason, why, wanted, deployed, shape, deployment=deployed.name)


def _differing(deployed: Deployed, shape: Shape) -> str:
    """Which parts look different, as `cron, timezone differ`; empty when none does."""
    names = [
        name for name in Shape.__dataclass_fields__ if getattr(deployed.shape, name) != getattr(shape, name)
    ]
    return f"{', '.join(names)} differ{'s' * (len(names) == 1)}" if names else ""


def _left(desired: Desired, own: Own) -> Iterator[tuple[str, Action]]:
    """What was changed by hand and is left so: to be told of."""
    for name in sorted(desired.wanted):
        wanted, deployed = desired.wanted[name], own.get(name)
        shape = shape_of(wanted, desired, own.name_of(name))
        if deployed is None or deployed.applied != shape.mark:
            continue
        if differs := _differing(deployed, shape):
            why = (
                f"{differs} from {wanted.path}: changed by hand, and left; a sync that heals drift undoes it"
            )
            key = _LIVE + BrokenFile(name, (shape.mark, deployed.shape.mark)).key
            yield key, Action("stall", name, Reason.DRIFTED, why, wanted, deployed, shape, key)


def _going(desired: Desired, own: Own) -> list[Deployed]:
    """Our deployments that the commit does not have, and that no broken file has, or names."""
    paths = {one.path for one in desired.broken}
    names = {name for one in desired.broken for name in one.names} | desired.wanted.keys()
    return [one for one in own.every if one.experiment not in names and _path(one) not in paths]


def _unknown(desired: Desired, own: Own) -> list[str]:
    """Broken files that may hold any experiment: neither their text nor their place says which."""
    places = {_path(one) for one in own.every if one.experiment not in desired.wanted}
    return sorted(
        {
            one.path
            for one in desired.broken
            if not one.readable or (not one.certain and one.path not in places)
        }
    )


def _path(one: Deployed) -> str:
    return one.shape.target[1]


def _may_go(desired: Desired, observed: Observed, policy: SyncPolicy) -> bool:
    own = observed.of(desired.repository)
    going = _going(desired, own)
    if policy.prune_all:
        return True
    if not desired.wanted or _unknown(desired, own) or _key_of(desired, going) in observed.stalled:
        return False
    return len(going) <= max(1, policy.prune_share * len(own.every))


def _key_of(desired: Desired, going: list[Deployed]) -> str:
    return _LIVE + BrokenFile(desired.repository, tuple(sorted(each.name for each in going))).key


def _removed(desired: Desired, observed: Observed, policy: SyncPolicy) -> Iterator[Action]:
    if not _may_go(desired, observed, policy):
        return
    for one in sorted(_going(desired, observed.of(desired.repository)), key=lambda each: each.name):
        run = observed.runs.get((one.name, one.shape.push_digest))
        if run is not None and run.state in ("pending", "running"):
            why = "removed while it ran"
            yield Action("abort", one.experiment, Reason.REMOVED, why, deployed=one, key=run.id)
        why = f"{_path(one)} no longer has it"
        yield Action("prune", one.experiment, Reason.REMOVED, why, deployed=one, deployment=one.name)


def _runs(desired: Desired, observed: Observed) -> Iterator[Action]:
    """What a push changed runs once, dependants after what they depend on has held."""
    own = observed.of(desired.repository)
    for name in sorted(desired.wanted):
        wanted, deployed, called = desired.wanted[name], own.get(name), own.name_of(name)
        if wanted.suspend or not wanted.on_push or own.run(name, wanted.push_digest) is not None:
            continue
        if all(_held(desired, own, each) for each in wanted.depends_on):
            why = f"{wanted.path} is new or changed at {desired.commit[:12]}"
            shape = shape_of(wanted, desired, called)
            yield Action("run", name, Reason.PUSHED, why, wanted, deployed, shape, deployment=called)


def _held(desired: Desired, own: Own, name: str) -> bool:
    run = own.run(name, desired.wanted[name].push_digest)
    return run is not None and run.state == "held"
