"""Status of each experiment of a repository: desired, deployed, run, and its conditions. Pure.

Four conditions, each with a reason for machines and a sentence for people:

Ready            Prefect has it as the repository says
Reconciling      something is under way, or due, without anybody's help
Stalled          only a person can help
SteadyStateHeld  what its last run came to; Unknown when that says nothing about what it is today
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from chaos.gitops.account import LastRun, LastSync, Stall
from chaos.gitops.decide import shape_of
from chaos.gitops.observed import Deployed, Observed, Own
from chaos.gitops.wanted import Desired, DesiredDeployment

Truth = Literal["True", "False", "Unknown"]
Sync = Literal["Synced", "Suspended", "Pending", "Changed", "Drifted", "Stalled", "Removed", "Unfollowed"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is so, or is not."""

    type: Literal["Ready", "Reconciling", "Stalled", "SteadyStateHeld"]
    status: Truth
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestStatus:
    """One experiment, or a file that asks for none."""

    name: str
    path: str
    digest: str
    sync: Sync
    verdict: str | None
    """Of the last run that ended: held, deviated, inconclusive; None when there was none."""
    run: str | None
    """Its flow run."""
    age_s: float | None
    """Since that run ended."""
    conditions: tuple[Condition, ...]

    def condition(self, type_: str) -> Condition:
        """The one of that type."""
        return next(each for each in self.conditions if each.type == type_)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def statuses(
    account: LastSync, wanted: Mapping[str, DesiredDeployment] | None, seen: Observed, now: float
) -> tuple[ManifestStatus, ...]:
    """Everything that this repository has or asks for, by name.

    `wanted` is None on a machine that does not follow the repository, or has forgotten: then what Prefect has is all.
    """
    mine = seen.of(account.repository)
    desired = Desired(account.repository, account.commit, wanted or {})
    kept = {name: each for each in account.stalls for name in each.keeps}
    stalls = kept | {each.subject: each for each in account.stalls}
    names = sorted({*mine.deployments, *desired.wanted})
    rows = [_status(_Case(account, desired, name, mine, stalls, wanted is None), now) for name in names]
    paths = {row.path for row in rows}
    alone = [_alone(each) for each in account.stalls if each.subject not in paths | set(names)]
    return (*rows, *alone)


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known of one name."""

    account: LastSync
    desired: Desired
    name: str
    mine: Own
    stalls: Mapping[str, Stall]
    unfollowed: bool

    @property
    def wanted(self) -> DesiredDeployment | None:
        return self.desired.wanted.get(self.name)

    @property
    def deployed(self) -> Deployed | None:
        return self.mine.get(self.name)

    @property
    def path(self) -> str:
        if self.wanted is not None:
            return self.wanted.path
        return self.deployed.shape.target[1] if self.deployed is not None else ""

    @property
    def digest(self) -> str:
        if self.wanted is not None:
            return self.wanted.push_digest
        return self.deployed.shape.push_digest if self.deployed is not None else ""

    @property
    def stall(self) -> Stall | None:
        return self.stalls.get(self.name) or self.stalls.get(self.path)


def _status(case: _Case, now: float) -> ManifestStatus:
    sync, why = _sync(case)
    run = case.account.runs.get(case.name)
    ready: Truth = "True" if sync in ("Synced", "Suspended", "Unfollowed") else "False"
    return ManifestStatus(
        name=case.name,
        path=case.path,
        digest=case.digest,
        sync=sync,
        verdict=verdict_of(run.state) if run else None,
        run=run.id if run else None,
        age_s=max(0.0, now - run.ended) if run else None,
        conditions=(
            Condition("Ready", ready, sync, why),
            _reconciling(case, sync),
            _stalled(case.stall, sync, why),
            _held(case, run),
        ),
    )


def _sync(case: _Case) -> tuple[Sync, str]:
    wanted, deployed = case.wanted, case.deployed
    if case.stall is not None:
        return "Stalled", case.stall.why
    if case.unfollowed:
        return "Unfollowed", "Prefect has it; this machine does not know what its repository says"
    if wanted is None:
        return "Removed", "the repository no longer has it, and it was not pruned"
    if deployed is None:
        return "Pending", f"new in {wanted.path}; the next sync creates it"
    shape = shape_of(wanted, case.desired, deployed.name)
    if deployed.shape.push_digest != shape.push_digest or deployed.shape.target != shape.target:
        return "Changed", f"{wanted.path} has changed; the next sync updates it"
    if deployed.shape != shape:
        return "Drifted", f"its deployment differs from {wanted.path}; a sync with --full heals it"
    if wanted.suspend:
        return "Suspended", "suspended in the repository"
    by_hand = "; paused by a person" if deployed.paused else ""
    return "Synced", f"as {wanted.path} says{by_hand}"


def _reconciling(case: _Case, sync: Sync) -> Condition:
    run = case.mine.run(case.name, case.digest)
    if run is not None and run.state in ("pending", "running"):
        word = "Running" if run.state == "running" else "RunPending"
        return Condition("Reconciling", "True", word, f"its run after a push is {run.state}: {run.id}")
    if sync in ("Pending", "Changed", "Drifted"):
        return Condition("Reconciling", "True", sync, "the next sync sees to it")
    one = case.wanted
    if one is not None and one.on_push and not one.suspend and run is None and one.depends_on:
        lost = [name for name in one.depends_on if _did_not_hold(case, name)]
        if lost:
            why = f"does not run: {', '.join(lost)} did not hold"
            return Condition("Reconciling", "False", "DependencyNotHeld", why)
        why = f"runs when these have held: {', '.join(one.depends_on)}"
        return Condition("Reconciling", "True", "Waits", why)
    return Condition("Reconciling", "False", "Done", "nothing is under way")


def _did_not_hold(case: _Case, name: str) -> bool:
    run, wanted = case.account.runs.get(name), case.desired.wanted.get(name)
    if run is None or wanted is None or run.push_digest != wanted.push_digest:
        return False
    return verdict_of(run.state) != "held"


def _stalled(stall: Stall | None, sync: Sync, why: str) -> Condition:
    if stall is not None:
        return Condition("Stalled", "True", stall.reason, stall.why)
    if sync == "Removed":
        return Condition("Stalled", "True", sync, why)
    return Condition("Stalled", "False", "Fine", "nothing stands in the way")


def _held(case: _Case, run: LastRun | None) -> Condition:
    if run is None:
        return Condition("SteadyStateHeld", "Unknown", "NeverRan", "no run of it has ended yet")
    if run.push_digest and run.push_digest != case.digest:
        why = f"it has changed since its last run ({run.state}): {run.why}"
        return Condition("SteadyStateHeld", "Unknown", "ChangedSince", why)
    truths: dict[str | None, Truth] = {"held": "True", "deviated": "False"}
    return Condition("SteadyStateHeld", truths.get(verdict_of(run.state), "Unknown"), run.state, run.why)


def verdict_of(state: str) -> str:
    """The verdict that a run's ending (`chaos.verdict.ending`) stands for."""
    return {"Held": "held", "Deviated": "deviated"}.get(state, "inconclusive")


def _alone(stall: Stall) -> ManifestStatus:
    """A file, or the repository itself, that no experiment stands for."""
    return ManifestStatus(
        name=stall.subject,
        path=stall.subject,
        digest="",
        sync="Stalled",
        verdict=None,
        run=None,
        age_s=None,
        conditions=tuple(_of_nothing(stall)),
    )


def _of_nothing(stall: Stall) -> Iterator[Condition]:
    yield Condition("Ready", "False", "Stalled", stall.why)
    yield Condition("Reconciling", "False", "Done", "nothing is under way")
    yield Condition("Stalled", "True", stall.reason, stall.why)
    yield Condition("SteadyStateHeld", "Unknown", "NeverRan", "no run of it has ended yet")
