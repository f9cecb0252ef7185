"""Models of the history: its rows and its answers. Plain, frozen, without SQL.

Times that end in `_ms` are Unix milliseconds UTC. Every text is inert (`chaos.text.inert`): it may be shown as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.history.notes import Aside, AuditRow, Checked, IdempotencyClaim, Imported, Pruning, Token
from chaos.verdict import RunStatus

__all__ = [
    "ENDED",
    "PRUNED",
    "QUEUED",
    "RUNNING",
    "STOPPING",
    "WAITING",
    "ArtifactRow",
    "Aside",
    "AuditRow",
    "Checked",
    "DayRow",
    "DayRunRow",
    "Detail",
    "ExperimentRow",
    "Filters",
    "HistoryPage",
    "IdempotencyClaim",
    "Imported",
    "Point",
    "Pruning",
    "RunCounts",
    "RunRow",
    "SteadyRow",
    "StepRow",
    "Summary",
    "Token",
]

QUEUED, RUNNING, WAITING, STOPPING, ENDED = (each.value for each in RunStatus)
PRUNED = "pruned"
"""Stands for the place of a file that is gone because the settings say how long it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run. `id` is the flow run's UUID where there is one, else the run id."""

    id: str
    run_id: str | None = None
    """None until its folder is made."""
    flow_run: str | None = None
    experiment: str
    repository: str | None = None
    commit: str | None = None
    digest: str | None = None
    game_day: str | None = None
    """The run id of the day."""
    source: str | None = None
    """The manifest's file, as it was given."""
    started_by: str | None = None
    """`terminal`, `console: anna`, `push`, `schedule`, …"""
    state: str = ENDED
    """queued, running, waiting, stopping, ended."""
    phase: str | None = None
    outcome: str | None = None
    verdict: str | None = None
    severity: str | None = None
    why: str | None = None
    seed: int | None = None
    overridden: bool = False
    """Whether it had a hold or an intensity of its own."""
    created_ms: int
    """What lists are sorted by: when it was asked for, where that is known, else when it began."""
    started_ms: int | None = None
    ended_ms: int | None = None
    machine: str | None = None
    worker: str | None = None
    folder: str | None = None
    """Absolute, on the machine that it names."""
    store: str | None = None
    """Where its files are: `folder`, or the address of a bucket."""
    latency_p95: float | None = None
    """Milliseconds, over the fault phase."""
    error_rate: float | None = None
    """Of the fault phase, 0 to 1."""
    recovery_s: float | None = None
    """The slowest steady state's; None when one never came back, or none was looked at."""
    cpu_peak: float | None = None
    memory_peak: float | None = None
    version: str | None = None
    """Of the ChaosLab that ran it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of the method."""

    n: int
    name: str
    fault: str
    mechanism: str
    kind: str
    landed: bool
    asked: float | None
    """The first number that was asked for, in the unit that result.json names; None when nothing numeric was."""
    delivered: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyRow:
    """One steady state."""

    n: int
    name: str
    verdict: str
    bad_share: float | None
    recovery_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """One file of a run."""

    name: str
    """`journal.ndjson`, `result.json`, `report.html`, `dashboard.json`."""
    bytes: int
    sha256: str
    where: str
    """`folder`, the address of a bucket, or `pruned`."""
    delivered_ms: int
    """When it got there; of `pruned`, when it was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One run as lists show it."""

    run: RunRow
    labels: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    """Of its steps, each once, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Everything that the index says of one run; `History.result` has the rest."""

    run: RunRow
    labels: Mapping[str, str]
    steps: tuple[StepRow, ...]
    steady_states: tuple[SteadyRow, ...]
    artifacts: tuple[ArtifactRow, ...]

    @property
    def pruned(self) -> tuple[str, ...]:
        """The files that are gone because they are not kept for longer."""
        return tuple(each.name for each in self.artifacts if each.where == PRUNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which runs are meant; None and nothing mean all."""

    experiment: str | None = None
    repository: str | None = None
    verdict: str | None = None
    outcome: str | None = None
    fault: str | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """All of them."""
    state: str | None = None
    """`live` or `ended`."""
    since_ms: int | None = None
    """Created then or later."""
    until_ms: int | None = None
    """Created before then."""
    q: str | None = None
    """Is contained in the experiment's name, the run id, or the reason; upper and lower case are the same."""
    game_day: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A piece of a list, newest first."""

    items: tuple[Summary, ...]
    next: str | None
    """The cursor of what follows; None: that was all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run in the trend of its experiment."""

    id: str
    run_id: str | None
    created_ms: int
    outcome: str | None
    verdict: str | None
    severity: str | None
    digest: str | None
    commit: str | None
    overridden: bool
    latency_p95: float | None
    error_rate: float | None
    recovery_s: float | None
    cpu_peak: float | None
    memory_peak: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """How many runs there are of those that are meant."""

    total: int
    live: int
    verdicts: Mapping[str, int]
    """Of ended ones."""
    outcomes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRow:
    """One experiment: its last run, and its last twenty that ended."""

    repository: str | None
    experiment: str
    last: RunRow
    runs: int
    """Ended ones in all."""
    of: int
    """How many of the last ones are counted: at most twenty."""
    proven: int
    """Of those, the ones that held or deviated."""
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One game day."""

    id: str
    name: str
    repository: str | None = None
    digest: str | None = None
    verdict: str | None = None
    score: int | None = None
    coverage: float | None = None
    started_ms: int
    ended_ms: int | None = None
    state: str = ENDED
    folder: str | None = None
    fold: str | None = None
    """`day.json` as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRunRow:
    """One run of a game day."""

    run: str
    """Its run id."""
    stage: str
    n: int
    """Its place in the day."""
