"""Notes beside runs: who may and who did what, and the results of upkeep."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """What became of a request with a key."""

    new: bool
    """Whether this is the first request with that key; then carry it out and say so with `History.fulfil`."""
    same_body: bool
    run: str | None
    """The id of the run that the first one began; None while that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token, of which only the hash is kept."""

    name: str
    role: str
    """viewer, operator, worker."""
    sha256: str
    expires_ms: int | None = None
    last_used_ms: int | None = None
    revoked_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Something that was changed, or refused."""

    id: int = 0
    at_ms: int
    who: str
    from_: str
    what: str
    on: str
    answer: str


@dataclass(frozen=True, slots=True)
class Aside:
    """A folder that was not taken, and why."""

    path: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    aside: tuple[Aside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a comparison of the index with the folders came to."""

    runs: int
    problems: tuple[Aside, ...]
    """Each with the folder, or the run, and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What was removed, or would be."""

    journals: int
    results: int
    freed_bytes: int
    refused: tuple[Aside, ...]
