"""Plan of a game day: every experiment found and resolved, or nothing starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from chaos.errors import ManifestError
from chaos.manifests.digests import day_digest
from chaos.manifests.load import Loaded, LoadedDay
from chaos.manifests.models.game_day import Entry, GameDaySpec
from chaos.manifests.referring import references
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.planning.plan import Plan, draw


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A game day, ready to be carried out."""

    name: str
    labels: Mapping[str, str]
    spec: GameDaySpec
    digest: str
    source: str
    """Its manifest's file, as it was given."""
    plans: Mapping[str, Plan]
    """Of every experiment that it names, with the day's numbers."""
    entries: Mapping[str, Entry]
    """How the day wants each of them."""
    commit: str | None = None

    @property
    def planned(self) -> list[str]:
        """Its experiments in their order, without follow-ups."""
        return [entry.name for stage in self.spec.stages for entry in stage.experiments]

    @property
    def declared_s(self) -> float:
        """The time that it takes at least: of each stage its longest lane, nothing going wrong."""
        return sum(
            _stage_s([self._turn_s(e) for e in stage.experiments], stage.parallel)
            for stage in self.spec.stages
        )

    def _turn_s(self, entry: Entry) -> float:
        plan = self.plans[entry.name]
        return plan.declared_s * len(plan.segments())


def plan_day(day: LoadedDay, found: Mapping[str, Loaded], commit: str | None = None) -> DayPlan:
    """What the day would do. Raises ManifestError with every reason why any part of it cannot be done here."""
    plans: dict[str, Plan] = {}
    entries: dict[str, Entry] = {}
    wrong: list[ManifestProblem] = []
    for each in references(day.manifest.spec):
        entries[each.entry.name] = each.entry
        plans[each.entry.name], refusals = draw(
            found[each.entry.name], overrides=each.overrides, environ=os.environ
        )
        wrong += refusals
    if wrong:
        raise ManifestError(*wrong)
    spec = day.manifest.spec
    return DayPlan(
        name=day.manifest.metadata.name,
        labels=day.manifest.metadata.labels,
        spec=spec,
        digest=day_digest(spec, {name: plan.digest for name, plan in plans.items()}),
        source=day.file,
        plans=plans,
        entries=entries,
        commit=commit,
    )


def _stage_s(turns: list[float], parallel: int) -> float:
    """As they are begun: each takes the lane that is free first."""
    lanes = [0.0] * parallel
    for turn_s in turns:
        lanes.sort()
        lanes[0] += turn_s
    return max(lanes)
