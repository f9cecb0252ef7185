"""Run specification: what the agent is told and what a journal begins with, one frozen dataclass a part.

Everything is in base units. A new field is one line here; where it is `unsaid`, plans without it stay as they were.
Standard library only: host and agent read the same classes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Self

from chaos.run_spec.codec import UNSAID, decode
from chaos.run_spec.parts import LoadSpec, ProcessSpec, StateSpec, StepSpec, StopSpec
from chaos.statistics.series_plan import EXCLUDED, SeriesPlan
from chaos.tolerances import Tolerance


@dataclass(frozen=True, kw_only=True)
class SandboxSpec:
    """The disposable machine; `own` is what only its provider knows."""

    rest: ClassVar = "own"
    memory: float = 0.0
    disk: float = 0.0
    cpu: float | None = field(default=None, metadata=UNSAID)
    """Of one core; None: all that the machine has."""
    ttl: float = 0.0
    """0.0 where an old journal does not say."""
    type: str = ""
    own: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AnalysisSpec:
    """Who puts the numbers into words."""

    analyzer: str = "rules"


@dataclass(frozen=True, kw_only=True)
class SeriesSpec:
    """How often the experiment is carried out."""

    trials: int = 1
    control: bool = False
    until: Literal["decided"] | None = field(default=None, metadata=UNSAID)
    exclude: float | None = field(default=None, metadata=UNSAID)

    @classmethod
    def told(cls, series: SeriesPlan) -> Self:
        """That of a series."""
        if not series.until_decided:
            return cls(trials=series.trials, control=series.control)
        return cls(trials=series.trials, control=series.control, until="decided", exclude=series.exclude)

    @property
    def plan(self) -> SeriesPlan:
        """What is decided by it."""
        return SeriesPlan(self.trials or 1, self.control, self.until is not None, self.exclude or EXCLUDED)


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """Where the files of an image are in the sandbox, and in which file there it says how its command runs."""

    root: str = ""
    told: str = ""


@dataclass(frozen=True, kw_only=True)
class WallSpec:
    """How the app is kept apart from the agent: see `chaos.agent.wall`."""

    keep_ids: bool = False
    image: ImageSpec | None = None
    may_lack: bool = False


@dataclass(frozen=True, kw_only=True)
class AloneSpec(WallSpec):
    """The wall of one command that runs alone, such as one of setup."""

    user: str = ""
    cwd: str = "/"


@dataclass(frozen=True, kw_only=True)
class WorkSpec:
    """What the manifest says of the agent's part; of secrets from the environment the names."""

    lease_s: float = 15.0
    """How long the agent goes on without a sign of life from its controller."""
    sample_hz: float = 10
    memory_limit_bytes: int = 0
    disk_paths: Sequence[str] = ()
    setup: Sequence[Sequence[str]] = ()
    setup_files: Sequence[str] = ()
    processes: Sequence[ProcessSpec] = ()
    load: LoadSpec | None = None
    steady_state: Sequence[StateSpec] = ()
    significance: float = 0.05
    method: Sequence[StepSpec] = ()
    baseline_s: float = 0.0
    recovery_s: float = 0.0
    warmup_s: float = field(default=0.0, metadata=UNSAID)
    stop_when: Sequence[StopSpec] = ()
    user: str = field(default="", metadata=UNSAID)
    cpu_limit: float | None = field(default=None, metadata=UNSAID)
    """CPU time for the app, of one core; None: all that the machine has."""


@dataclass(frozen=True, kw_only=True)
class RunSpec(WorkSpec):
    """All that the agent is told of one trial or control."""

    run_id: str = ""
    experiment: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    hypothesis: str = ""
    digest: str = ""
    sandbox: SandboxSpec = field(default_factory=SandboxSpec)
    analysis: AnalysisSpec = field(default_factory=AnalysisSpec)
    declared_s: float | None = None
    """The time that the run must take; None where an old journal does not say."""
    rules: int = 1
    """By which rules it is judged (`chaos.verdict.RULES`); the first, where an old journal does not say."""
    app: str = "/app"
    """Where the app is inside."""
    left_out: Sequence[str] = ()
    target: str = ""
    python: str = ""
    seed: int = 0
    trial: int = 1
    control: bool = False
    series: SeriesSpec = field(default_factory=SeriesSpec)
    wall: WallSpec | None = field(default=None, metadata=UNSAID)
    """In the agent's order only."""

    @classmethod
    def of(cls, work: WorkSpec, **own: Any) -> Self:
        """That work, with what is only known of a run."""
        return cls(**{each.name: getattr(work, each.name) for each in fields(work)}, **own)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Strictly. Raises SpecError."""
        return decode(cls, data)

    @classmethod
    def of_journal(cls, data: Any) -> Self:
        """As far as it goes: a journal may be of another version, or cut off. Raises SpecError."""
        return decode(cls, data if data is not None else {}, "plan", strict=False)

    @property
    def around_s(self) -> float:
        """Everything but the method."""
        return self.warmup_s + self.baseline_s + self.recovery_s


def bounds(plan: WorkSpec, metrics: Collection[str]) -> Iterator[tuple[str, Tolerance]]:
    """What steady states, by their names, and stop conditions tolerate of these metrics."""
    from chaos.probes.metric import MetricProbe

    judged = [(state.name, state.probe, state.tolerance) for state in plan.steady_state]
    judged += [("stop", stop.probe, stop.tolerance) for stop in plan.stop_when]
    for name, probe, tolerance in judged:
        metric = probe.of(MetricProbe)
        if metric is not None and tolerance is not None and metric.metric in metrics:
            yield name, tolerance
