"""The console itself, the switch, faults, workers, what validation says."""

from typing import Any, Literal

from pydantic import BaseModel

from flows.console.problems import ProblemDetail


class Validation(BaseModel):
    """What `chaoslab validate` says."""

    valid: bool
    manifests: list[str]
    problems: list[ProblemDetail]
    notes: list[str] = []


class FaultView(BaseModel):
    """One fault of the catalogue."""

    name: str
    sentence: str
    presets: dict[str, dict[str, Any]]
    fields: dict[str, Any]
    """JSON schema of what a manifest says of it."""
    mechanisms: list[str]
    providers: dict[str, str]
    """Provider -> by what it acts there, or why it is refused."""


class Faults(BaseModel):
    """All faults."""

    items: list[FaultView]


class HaltView(BaseModel):
    """The switch."""

    halted: bool
    reason: str = ""
    by: str = ""
    at: str = ""
    ending: list[str] = []
    """The runs that it ends."""


class Me(BaseModel):
    """Who asks, and what that one may do."""

    name: str
    role: str
    rights: list[str]


class House(Me):
    """What the frame of every page shows."""

    read_only: bool
    halt: HaltView
    live: int
    """How many runs have not ended."""
    version: str
    prefect: str | None
    """Where Prefect's pages are."""
    adhoc: str
    """What may be started that no repository holds: `all`, `images`, `shop` or `off`."""
    grafana: str
    """Why no dashboard of Grafana is shown in a frame; empty when one may be."""
    grafana_origin: str | None = None


class Health(BaseModel):
    """Whether the console answers."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """What answers."""

    version: str
    api: Literal["v1"] = "v1"


class Upload(BaseModel):
    """How much of a run from elsewhere is here."""

    run_id: str
    offset: int
    """Bytes of its journal."""
    files: dict[str, str]
    """Name -> SHA-256 of what was delivered."""
    here: bool
    """The console reads the run's folder itself."""
    whole: bool
    differs: str | None = None
    """How the worker's result is not what its journal comes to here."""


class DoctorCheck(BaseModel):
    """One thing that a machine looked at."""

    name: str
    level: str
    """`ok`, `degraded`: it works with less, `missing`: something does not work without it."""
    says: str
    remedy: str


class Worker(BaseModel):
    """A program that carries out runs."""

    name: str
    status: str
    last_heartbeat_at: str | None
    machine: str | None = None
    version: str | None = None
    slots: int | None = None
    """How many runs it carries out at once."""
    examined_at: str | None = None
    doctor: list[DoctorCheck] | None = None
    """What `chaoslab doctor` says on its machine; None when it has not said so yet."""


class Workers(BaseModel):
    """All of the pool."""

    items: list[Worker]
