"""Provider: who makes disposable machines, as the rest of the house asks it without knowing which one it is."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from chaos.sandboxes.support.base import Sandbox, SandboxRef, Setup

if TYPE_CHECKING:
    from chaos.settings import Settings

Level = Literal["ok", "degraded", "missing"]


@dataclass(frozen=True)
class Examination:
    """One thing looked at. `degraded`: it works with less; `missing`: something does not work without it."""

    name: str
    level: Level
    says: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class SandboxRequest:
    """A sandbox that is to be opened."""

    memory_bytes: int
    disk_bytes: int
    ttl_s: float
    hosts: Sequence[str] = ()
    """Names that lead to itself."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What its provider lists it by."""
    image: str | None = None
    """What it is made from; None for ours."""
    setup: Setup | None = None
    """A provider that keeps what that makes says `set_up` in its facts; with the others it is the caller's to do."""
    own: Mapping[str, Any] = field(default_factory=dict)
    """What a manifest says that only this provider knows."""


class Provider(Protocol):
    """One way to get a machine."""

    name: str
    tried_by_doctor: bool
    """Whether opening one costs nothing, so that what works inside is found out by doing."""

    async def open(self, wanted: SandboxRequest) -> Sandbox:
        """Make one. Raises SandboxError with cause and remedy, SandboxRefused when trying again is of no use."""

    async def connect(self, ref: SandboxRef) -> Sandbox:
        """Find one again, in any process. Raises SandboxLost when it has gone."""

    def attach(self, ref: SandboxRef) -> Sandbox:
        """That one, without a look whether it still lives: enough to destroy it."""

    def why_not_ours(self, ref: SandboxRef) -> str | None:
        """Why a reference is none that this machine would have made; None when it is. See chaos.sandboxes.claims."""

    def clean_up(self, settings: "Settings") -> AsyncIterator[str]:
        """Remove what nobody uses any more; a line for each. Raises SandboxError."""

    def check(self, settings: "Settings") -> AsyncIterator[Examination]:
        """What there is to say of it on this machine, without opening any."""

    def opened(self, ref: SandboxRef) -> Examination:
        """What there is to say of one that doctor has opened."""

    def left_here(self) -> int:
        """How many on this machine's disk are used by nobody; 0 where somebody else would have to be asked."""
