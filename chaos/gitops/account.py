"""Last sync of a repository on this machine: its commit, what is stalled, and the last run of each experiment.

Written after each reconciliation and after each run of this machine, beside the copy of the repository; losing it costs
the words until the next one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from chaos.gitops.repository.mirror import Mirror

_SUFFIX = ".account"


@dataclass(frozen=True, slots=True)
class Stall:
    """Something that only a person can mend."""

    subject: str
    """An experiment, a file, or the repository."""
    reason: str
    """One word for machines, as `decide` has it."""
    why: str
    keeps: tuple[str, ...] = ()
    """What stays as it was because of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run of an experiment that came to an end."""

    id: str
    """Of the flow run."""
    state: str
    """How it ended, in one word (`chaos.verdict.ending`): Held, Deviated, Crashed, …"""
    why: str
    ended: float
    """Unix seconds."""
    push_digest: str
    """Of the experiment that ran; another than today's when it has changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastSync:
    """One repository, as it was left."""

    repository: str
    branch: str
    path: str
    commit: str = ""
    at: float = 0.0
    """When it was brought in line, in Unix seconds."""
    stalls: tuple[Stall, ...] = ()
    runs: Mapping[str, LastRun] = field(default_factory=dict)
    """By the name of the experiment."""

    @classmethod
    def load(cls, file: Path) -> Self | None:
        """What was saved; None when there is none, or none that can be read."""
        try:
            said = json.loads(file.read_bytes())
            stalls = tuple(
                Stall(**{**each, "keeps": tuple(each.get("keeps", ()))}) for each in said.pop("stalls")
            )
            runs = {name: LastRun(**_renamed(each)) for name, each in said.pop("runs").items()}
            return cls(**said, stalls=stalls, runs=runs)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, file: Path) -> None:
        """Write it whole or not at all. Raises OSError."""
        part = file.with_suffix(".account-part")
        part.write_text(json.dumps(asdict(self)))
        part.replace(file)

    def with_runs(self, runs: Mapping[str, LastRun], names: Iterable[str]) -> Self:
        """With these runs beside what is known already, of these experiments only."""
        known = {**self.runs, **runs}
        return replace(self, runs={name: known[name] for name in names if name in known})


def _renamed(run: Mapping[str, Any]) -> dict[str, Any]:
    """As this version writes it: the field was called `digest` before, and what is Held was called Completed."""
    named = {"push_digest" if name == "digest" else name: value for name, value in run.items()}
    return {**named, "state": "Held" if named.get("state") == "Completed" else named.get("state")}


def file_of(mirror: Mirror) -> Path:
    """Where the account of that copy is."""
    return mirror.git.folder.with_suffix(_SUFFIX)


def accounts(folder: Path) -> Iterator[tuple[Path, LastSync]]:
    """All of this machine, by their files."""
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        if (account := LastSync.load(file)) is not None:
            yield file, account
