"""What there is: the deployments of one repository and the runs that pushes began, whoever keeps them."""

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Literal

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
    digest: str
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
    """(name, digest) -> its run."""
    stalled: frozenset[str] = frozenset()
    """Keys of the broken files that were told of already."""
