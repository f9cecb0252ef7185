"""Desired, observed, policy -> actions. Pure: the same three give the same actions, and applied they leave none.

For each experiment of the commit: create what is not there; update what looks different; pause and resume as the
repository says; run it once per digest, after what it depends on has held. For each deployment of ours that the commit
does not have: end its run and prune it, unless its file is broken, or too much would go at once. What carries another
repository's label, or none, is never touched.

The order matters to those who are cut short: what stalls is remembered first, so that what is created later in this
round does not make the share that would go look smaller in the next; a deployment is resumed before the mark is taken
off it that says that it was the repository which had suspended it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from chaos.gitops.observed import Deployed, Observed, Shape
from chaos.gitops.wanted import Broken, Desired, Wanted
from chaos.inert import markdown

_LIVE = "live "
"""Begins the key of what stalls because of what there is, and not of what the commit says."""
Kind = Literal["create", "update", "pause", "resume", "abort", "prune", "run", "stall"]


class Reason(StrEnum):
    """Why something is to be done; one word for machines."""

    NEW = "New"
    CHANGED = "Changed"
    DRIFTED = "Drifted"
    SUSPENDED = "Suspended"
    RESUMED = "Resumed"
    REMOVED = "Removed"
    PUSHED = "Pushed"
    BROKEN = "Broken"
    NAME_TAKEN = "NameTaken"
    TOO_MUCH_WOULD_GO = "TooMuchWouldGo"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; `why` is the sentence for people."""

    kind: Kind
    name: str
    """The experiment's; of a broken file that asks for none, its path."""
    reason: Reason
    why: str
    wanted: Wanted | None = None
    deployed: Deployed | None = None
    shape: Shape | None = None
    key: str = ""
    """Of a stall: what to remember, so that it is not told again."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a person allows."""

    heal: bool = True
    """Undo what was changed by hand; else it is only told of, once, and what the repository changes is applied."""
    prune_share: float = 0.5
    """The largest share of our deployments that may go at once."""
    prune_all: bool = False
    """Let go even more, even all: a person said so."""
    run_on_push: bool = True


def decide(desired: Desired, observed: Observed, policy: Policy | None = None) -> list[Action]:
    """Everything to do, in the order to do it."""
    policy = policy or Policy()
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


def standing(desired: Desired, observed: Observed, policy: Policy | None = None) -> frozenset[str]:
    """The keys of all that stalls now, told already or not: what is to be remembered."""
    return frozenset(key for key, _ in _stalls(desired, observed, policy or Policy()))


def shape_of(wanted: Wanted, desired: Desired) -> Shape:
    """What its deployment is to look like."""
    tags = {
        "chaoslab",
        wanted.name,
        *(["game-day"] if wanted.is_game_day else []),
        *(f"{key}:{value}" for key, value in wanted.labels.items()),
    }
    return Shape(
        description=markdown(wanted.hypothesis),
        tags=tuple(sorted(tags)),
        cron=wanted.cron,
        timezone=wanted.timezone,
        target=(desired.repository, wanted.path, wanted.name),
        digest=wanted.digest,
        suspended=wanted.suspend,
    )


def _stalls(desired: Desired, observed: Observed, policy: Policy) -> Iterator[tuple[str, Action]]:
    for broken in desired.broken:
        yield broken.key, _broken(broken, observed)
    for name in sorted(desired.wanted):
        taken = observed.deployments.get(name)
        if taken is not None and taken.repository != desired.repository:
            whose = taken.repository or "nobody we know"
            why = f"a deployment of this name belongs to {whose}; it is left alone"
            key = _LIVE + Broken(name, (whose,)).key
            yield key, Action("stall", name, Reason.NAME_TAKEN, why, desired.wanted[name], taken, key=key)
    if not policy.heal:
        yield from _left(desired, observed)
    going = _going(desired, observed)
    if going and not _may_go(desired, observed, policy):
        mine = len(_mine(desired, observed))
        why = (
            f"{len(going)} of {mine} deployments would be pruned, and at most {policy.prune_share:.0%} may go at once; "
            "`chaoslab sync --prune-all` lets them go"
        )
        key = _key_of(desired, going)
        yield key, Action("stall", desired.repository, Reason.TOO_MUCH_WOULD_GO, why, key=key)


def _broken(broken: Broken, observed: Observed) -> Action:
    kept = [one.name for one in observed.deployments.values() if _path(one) == broken.path]
    last = f" {', '.join(sorted(kept))} stays as it was." if kept else ""
    why = "; ".join(broken.problems[:20]) + "." + last
    return Action("stall", broken.path, Reason.BROKEN, why, key=broken.key)


def _shaped(desired: Desired, observed: Observed, policy: Policy) -> Iterator[Action]:
    for name in sorted(desired.wanted):
        wanted, deployed = desired.wanted[name], observed.deployments.get(name)
        shape = shape_of(wanted, desired)
        if deployed is None:
            yield Action("create", name, Reason.NEW, f"new in {wanted.path}", wanted, shape=shape)
        elif deployed.repository != desired.repository:
            continue
        elif deployed.game_day is not wanted.is_game_day:
            why = f"{wanted.path} has another kind of that name now"
            yield Action("prune", name, Reason.CHANGED, why, deployed=deployed)
            yield Action("create", name, Reason.CHANGED, why, wanted, shape=shape)
        else:
            yield from _updated(wanted, deployed, shape, policy)


def _updated(wanted: Wanted, deployed: Deployed, shape: Shape, policy: Policy) -> Iterator[Action]:
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
        yield Action("update", wanted.name, reason, f"{differs} from {wanted.path}", wanted, deployed, shape)


def _differing(deployed: Deployed, shape: Shape) -> str:
    """Which parts look different, as `cron, timezone differ`; empty when none does."""
    names = [
        name for name in Shape.__dataclass_fields__ if getattr(deployed.shape, name) != getattr(shape, name)
    ]
    return f"{', '.join(names)} differ{'s' * (len(names) == 1)}" if names else ""


def _left(desired: Desired, observed: Observed) -> Iterator[tuple[str, Action]]:
    """What was changed by hand and is left so: to be told of."""
    for name in sorted(desired.wanted):
        wanted, deployed = desired.wanted[name], observed.deployments.get(name)
        shape = shape_of(wanted, desired)
        if deployed is None or deployed.repository != desired.repository or deployed.applied != shape.mark:
            continue
        if differs := _differing(deployed, shape):
            why = (
                f"{differs} from {wanted.path}: changed by hand, and left; a sync that heals drift undoes it"
            )
            key = _LIVE + Broken(name, (shape.mark, deployed.shape.mark)).key
            yield key, Action("stall", name, Reason.DRIFTED, why, wanted, deployed, shape, key)


def _mine(desired: Desired, observed: Observed) -> list[Deployed]:
    return [one for one in observed.deployments.values() if one.repository == desired.repository]


def _going(desired: Desired, observed: Observed) -> list[Deployed]:
    """Our deployments that the commit does not have, and whose file is not merely broken."""
    broken = {one.path for one in desired.broken}
    mine = _mine(desired, observed)
    return [one for one in mine if one.name not in desired.wanted and _path(one) not in broken]


def _path(one: Deployed) -> str:
    return one.shape.target[1]


def _may_go(desired: Desired, observed: Observed, policy: Policy) -> bool:
    going, mine = _going(desired, observed), _mine(desired, observed)
    if policy.prune_all:
        return True
    if not desired.wanted or _key_of(desired, going) in observed.stalled:
        return False
    return len(going) <= max(1, policy.prune_share * len(mine))


def _key_of(desired: Desired, going: list[Deployed]) -> str:
    return _LIVE + Broken(desired.repository, tuple(sorted(each.name for each in going))).key


def _removed(desired: Desired, observed: Observed, policy: Policy) -> Iterator[Action]:
    if not _may_go(desired, observed, policy):
        return
    for one in sorted(_going(desired, observed), key=lambda each: each.name):
        run = observed.runs.get((one.name, one.shape.digest))
        if run is not None and run.state in ("pending", "running"):
            yield Action("abort", one.name, Reason.REMOVED, "removed while it ran", deployed=one, key=run.id)
        why = f"{_path(one)} no longer has it"
        yield Action("prune", one.name, Reason.REMOVED, why, deployed=one)


def _runs(desired: Desired, observed: Observed) -> Iterator[Action]:
    """What a push changed runs once, dependants after what they depend on has held."""
    for name in sorted(desired.wanted):
        wanted, deployed = desired.wanted[name], observed.deployments.get(name)
        if deployed is not None and deployed.repository != desired.repository:
            continue
        if wanted.suspend or not wanted.on_push or (name, wanted.digest) in observed.runs:
            continue
        if all(_held(desired, observed, each) for each in wanted.depends_on):
            why = f"{wanted.path} is new or changed at {desired.commit[:12]}"
            yield Action("run", name, Reason.PUSHED, why, wanted, deployed, shape_of(wanted, desired))


def _held(desired: Desired, observed: Observed, name: str) -> bool:
    run = observed.runs.get((name, desired.wanted[name].digest))
    return run is not None and run.state == "held"
