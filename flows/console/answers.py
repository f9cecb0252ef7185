"""What is answered: the bodies of answers. Times are RFC 3339 UTC, lengths seconds. Fields and enums grow."""

from typing import Any, Literal

from pydantic import BaseModel

from flows.console.problems import ProblemDetail

State = Literal["queued", "running", "waiting", "stopping", "ended"]


class RunLinks(BaseModel):
    """Where to look further."""

    self: str
    prefect: str | None = None
    grafana: str | None = None


class Progress(BaseModel):
    """How far the declared phases have got."""

    percent: float
    elapsed_s: float | None = None
    declared_s: float | None = None
    eta_s: float | None = None


class RunDelivery(BaseModel):
    """What of its files is here."""

    journal: Literal["whole", "partial", "none"]
    result: bool
    report: bool
    why: str = ""
    remedy: str | None = None


class RunSummary(BaseModel):
    """A run as lists show it."""

    id: str
    run_id: str | None = None
    experiment: str
    repository: str | None = None
    game_day: str | None = None
    state: State
    phase: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    severity: str | None = None
    why: str | None = None
    started_by: str | None = None
    labels: dict[str, str] = {}
    faults: list[str] = []
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None
    latency_p95: float | None = None
    error_rate: float | None = None
    recovery_s: float | None = None
    links: RunLinks


class RunPage(BaseModel):
    """A piece of the list of runs, newest first."""

    items: list[RunSummary]
    next: str | None = None
    """What `cursor=` takes for the piece after it; null: that was all."""


class Run(RunSummary):
    """A run now."""

    commit: str | None = None
    seed: int | None = None
    hypothesis: str | None = None
    doubts: list[str] = []
    progress: Progress
    waiting_for: str | None = None
    worker: str | None = None
    delivery: RunDelivery


class Started(BaseModel):
    """A run that was asked for."""

    id: str
    run_id: str | None = None
    experiment: str
    state: State
    waiting_for: str | None = None
    links: RunLinks


class Counted(BaseModel):
    """How many runs there are."""

    total: int
    live: int
    verdicts: dict[str, int]
    outcomes: dict[str, int]


class Series(BaseModel):
    """The charts of a run as columns; times are seconds since `start` (Unix seconds)."""

    start: float
    end: float
    bucket_s: float
    phases: list[tuple[str, float, float]]
    faults: list[tuple[str, float, float]]
    latency_p50: list[tuple[float, float]]
    latency_p95: list[tuple[float, float]]
    error_rate: list[tuple[float, float]]
    throughput: list[tuple[float, float]]
    cpu: list[tuple[float, float]]
    memory: list[tuple[float, float]]
    disk: dict[str, list[tuple[float, float]]]
    probes: list[tuple[str, list[tuple[float, float, bool]]]]
    next: str | None = None
    """The id of the last event of the stream that this holds: what `Last-Event-ID` takes."""


class LogLine(BaseModel):
    """One line that a process of the target wrote."""

    n: int
    at: str
    process: str
    stream: str
    line: str


class LogPage(BaseModel):
    """Lines in their order."""

    items: list[LogLine]
    next: int | None = None
    """What `after=` takes for more; null: nothing more now."""


class PlanView(BaseModel):
    """What a run will do or did."""

    experiment: str
    words: str
    """As `chaoslab plan` says it; empty for one that is told from its journal alone."""
    digest: str | None = None
    seed: int | None = None
    declared_s: float | None = None
    plan: dict[str, Any]
    """What the agent is told: phases, steps, faults, steady states."""
    refusals: list[ProblemDetail] = []
    """Why it cannot or must not be carried out."""


class Artifact(BaseModel):
    """A file of a run."""

    name: str
    bytes: int
    href: str
    whole: bool
    """False: it still grows."""


class Artifacts(BaseModel):
    """The files of a run."""

    items: list[Artifact]


class NumberBeside(BaseModel):
    """One number of two runs."""

    name: str
    a: float | None
    b: float | None
    change: float | None


class Comparison(BaseModel):
    """Two runs beside each other: what changed from `a` to `b`."""

    a: RunSummary
    b: RunSummary
    same_digest: bool
    changes: list[str]
    """What is beyond noise, in words."""
    unseen: str
    numbers: list[NumberBeside]
    series: dict[str, Series]
    zero: dict[str, float | None]
    """When the first fault was injected: seconds since the start of each run's series."""


class Validation(BaseModel):
    """What `chaoslab validate` says."""

    valid: bool
    manifests: list[str]
    problems: list[ProblemDetail]
    notes: list[str] = []


class Plans(BaseModel):
    """What would be carried out."""

    possible: bool
    items: list[PlanView]


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


class Health(BaseModel):
    """Whether the console answers."""

    status: Literal["ok"] = "ok"


class Version(BaseModel):
    """What answers."""

    version: str
    api: Literal["v1"] = "v1"


class Worker(BaseModel):
    """A machine that carries out runs."""

    name: str
    status: str
    last_heartbeat_at: str | None


class Workers(BaseModel):
    """All of the pool."""

    items: list[Worker]


class ExperimentView(BaseModel):
    """One experiment: what is registered of it, and how it went."""

    name: str
    repository: str | None
    path: str | None = None
    digest: str | None = None
    sync: str | None = None
    suspended: bool | None = None
    schedule: str | None = None
    conditions: list[dict[str, Any]] = []
    last_run: RunSummary | None = None
    runs: int = 0
    score: float | None = None
    """Share of its last 20 runs that held, of those that proved something; null of none."""
    coverage: float | None = None
    """Share of its last 20 runs that proved something."""


class Experiments(BaseModel):
    """All of them."""

    items: list[ExperimentView]


class TrendPoint(BaseModel):
    """One run in the trend of its experiment."""

    id: str
    created_at: str
    verdict: str | None
    outcome: str | None
    digest: str | None
    commit: str | None
    overridden: bool
    latency_p95: float | None
    error_rate: float | None
    recovery_s: float | None
    cpu_peak: float | None
    memory_peak: float | None


class Trend(BaseModel):
    """An experiment over time, oldest first."""

    items: list[TrendPoint]


class Repositories(BaseModel):
    """What `chaoslab status --json` prints of repositories."""

    items: list[dict[str, Any]]


class GameDay(BaseModel):
    """One game day."""

    id: str
    name: str
    verdict: str | None
    score: int | None
    coverage: float | None
    started_at: str
    ended_at: str | None
    state: str
    runs: list[dict[str, Any]] = []
    fold: dict[str, Any] | None = None


class GameDays(BaseModel):
    """Newest first."""

    items: list[GameDay]


class MissionStarted(BaseModel):
    """A start in the words of the mission."""

    experiment_id: str
    status: Literal["queued", "running", "completed", "failed"]
    grafana_url: str | None
    status_url: str
    results_url: str
    console_url: str
    prefect_url: str | None
    assumed: dict[str, str]


class MissionStatus(BaseModel):
    """How far it is."""

    experiment_id: str
    status: Literal["queued", "running", "completed", "failed"]
    phase: str | None
    progress: float
    message: str
    eta_seconds: float | None
    grafana_url: str | None


class MissionResults(BaseModel):
    """What it came to."""

    experiment_id: str
    verdict: str
    why: str
    summary: str
    metrics: dict[str, float | None]
    severity: str | None
    recommendations: list[str]
    logs: list[dict[str, Any]]
    grafana_url: str | None
    report_url: str | None
    result: dict[str, Any]
