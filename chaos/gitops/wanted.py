"""Desired state of a commit: its experiments, and the problems of its broken files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredDeployment:
    """One experiment, or one game day, as the repository has it; plain data all through."""

    name: str
    path: str
    """Its manifest, relative to the repository's root."""
    push_digest: str
    """`sha256:…` by which a push is compared with what ran before: of the spec, and of the app's tree in git. Another
    than the digest of a run, which is of the app's files as they were shipped."""
    spec_digest: str
    """Of the spec alone: the same as that of a run."""
    hypothesis: str
    """Of a game day its purpose."""
    labels: Mapping[str, str] = field(default_factory=dict)
    cron: str | None = None
    timezone: str = "UTC"
    suspend: bool = False
    on_push: bool = True
    depends_on: tuple[str, ...] = ()
    app: str | None = None
    """The app's directory, relative to the repository's root."""
    experiments: tuple[str, ...] = ()
    """What a game day names; an experiment names none."""

    @property
    def is_game_day(self) -> bool:
        """Whether it is a game day."""
        return bool(self.experiments)

    def to_json(self) -> dict[str, Any]:
        """Plain data; shares what is in it, because a copy of ten thousand takes a third of a second."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From plain data."""
        return cls(
            **{
                **data,
                "depends_on": tuple(data["depends_on"]),
                "experiments": tuple(data.get("experiments", ())),
            }
        )


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """A file that holds something wrong; each problem is one line, `file:line:column path: what; what is allowed`."""

    path: str
    problems: tuple[str, ...]
    names: frozenset[str] = frozenset()
    """Experiments that it still names, or may name: they stay as they are."""
    certain: bool = True
    """Whether those are all that it can name."""
    readable: bool = True
    """Whether its text could be looked at; if not, it may hold anything, wherever it is."""

    @property
    def key(self) -> str:
        """The same for the same file with the same problems."""
        return hashlib.sha256("\0".join((self.path, *self.problems)).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Desired:
    """All of one repository at one commit."""

    repository: str
    """Its name in labels: the URL without credentials."""
    commit: str
    wanted: Mapping[str, DesiredDeployment]
    """By name."""
    broken: tuple[BrokenFile, ...] = ()
    contested: frozenset[str] = frozenset()
    """Names that more than one file asks for."""
