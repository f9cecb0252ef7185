"""Observed state: the deployments of one repository and the runs that pushes started."""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Literal

from chaos.gitops.scoped import experiment_of, scoped

RunState = Literal["pending", "running", "held", "failed"]
"""`failed` is every end that is not held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a deployment looks like, as far as the repository decides it."""

    description: str
    tags: tuple[str, ...]
    cron: str | None
    timezone: str
    target: tuple[str, str, str]
    """What its runs carry out: repository, path of the manifest, name of the experiment."""
    push_digest: str
    suspended: bool
    """Whether the repository suspends it. A deployment may be paused though this is False: then a person did it."""

    @property
    def mark(self) -> str:
        """The same for the same shape, never for two; short enough for a label."""
        return hashlib.sha256(repr(astuple(self)).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One deployment that carries our labels."""

    id: str
    name: str
    repository: str
    """The label that says whose it is; only that repository's reconciliation touches it."""
    shape: Shape
    paused: bool
    commit: str
    """The commit that its runs use."""
    applied: str = ""
    """The mark of the shape that the repository gave it last; what looks different since was changed by hand."""
    game_day: bool = False
    """Whether its runs are game days."""

    @property
    def experiment(self) -> str:
        """What the repository calls it."""
        return experiment_of(self.name)


@dataclass(frozen=True, slots=True)
class PushRun:
    """A run that a push began."""

    id: str
    state: RunState


@dataclass(frozen=True, slots=True)
class Observed:
    """All that is known of one repository's deployments."""

    deployments: Mapping[str, Deployed] = field(default_factory=dict)
    """By name; those of others may be among them."""
    runs: Mapping[tuple[str, str], PushRun] = field(default_factory=dict)
    """(name of the deployment, digest) -> its run."""
    stalled: frozenset[str] = frozenset()
    """Keys of the broken files that were told of already."""

    def of(self, repository: str) -> "Own":
        """What belongs to one repository."""
        own = [one for one in self.deployments.values() if one.repository == repository]
        # of two for one experiment, which no decision makes, the one with the plain name
        first = {one.experiment: one for one in sorted(own, key=lambda one: one.name, reverse=True)}
        return Own(repository, first, tuple(own), self)


@dataclass(frozen=True, slots=True)
class Own:
    """One repository's part of what there is, by the names that the repository uses."""

    repository: str
    deployments: Mapping[str, Deployed]
    every: tuple[Deployed, ...]
    seen: Observed

    def get(self, experiment: str) -> Deployed | None:
        """Its deployment."""
        return self.deployments.get(experiment)

    def name_of(self, experiment: str) -> str:
        """What its deployment is called, or will be: by the plain name unless another repository has that."""
        if (there := self.deployments.get(experiment)) is not None:
            return there.name
        other = self.seen.deployments.get(experiment)
        return experiment if other is None else scoped(experiment, self.repository)

    def run(self, experiment: str, digest: str) -> PushRun | None:
        """The run that a push began of it, as it is with that digest."""
        return self.seen.runs.get((self.name_of(experiment), digest))
