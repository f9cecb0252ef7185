"""What a fault is: its fields are the manifest, `inject` is the behaviour, `delivered` is the judgement of what landed.

One frozen stdlib dataclass serves both sides. On the host pydantic validates its fields from YAML, and `delivered`
reads the journal; inside the sandbox the agent builds the same class from JSON and enters `inject`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.faults.target import Helper as Helper
from chaos.faults.target import Memory as Memory
from chaos.faults.target import Target as Target

Intensity = Literal["low", "medium", "high"]
Sample = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a fault really did, read from its side-band samples.

    `values` has the keys of `asked` (same units); `low`/`high` bound the first of them with 95 % confidence.
    `landed` says whether the fault was measured to have taken hold as asked, by the rule that `why` states. Where that
    rule also wants the target to have met it, `in_place` is the rule without that: what the target met is for `Met`.
    """

    values: Mapping[str, float | str]
    low: float | None
    high: float | None
    samples: int
    landed: bool
    why: str
    in_place: bool | None = None
    effective: float | None = None
    """As many independent samples would tell as much of the first value; None where that is not asked."""
    ended_early: str = ""
    """By what it was ended before its hold was over; the rest is then of the time until that. Empty when it was not."""


@dataclass(frozen=True, slots=True)
class Met:
    """How often the target met its fault while it was held: its packets, lookups, requests, writes, forks, … not ours.

    A fault in place that nobody meets proves nothing. `count` None: this cannot be measured by this mechanism, `why`
    says the reason, and it forbids nothing. `of`: of how many occasions, where those are counted too.
    """

    count: int | None
    of: int | None
    why: str
    enough: bool = True
    """False when `count` is 0, or tells too little for what was asked."""

    @classmethod
    def counted(cls, count: int, of: int | None, what: str, never: str, *, needed: int = 1) -> "Met":
        """So many `what`, such as `packets of the target were lost`; `never` is the clause for none: `nobody asked`.

        `needed`: of how many occasions a fault of a small share hardly misses all.
        """
        if count <= 0:
            return cls(0, of, never, enough=False)
        among = f"{count:,}" if of is None else f"{count:,} of {of:,}"
        if of is not None and of < needed:
            return cls(count, of, f"{among} {what}; too little to tell: {needed:,} are needed", enough=False)
        return cls(count, of, f"{among} {what}")

    @classmethod
    def unmeasured(cls, why: str) -> "Met":
        """It cannot be seen: `why` is the reason."""
        return cls(None, None, f"not measurable: {why}")


def last(samples: Sequence[Sample], key: str) -> int:
    """The highest value of a counter in the side-band samples; 0 when none has it."""
    return max((int(sample[key]) for sample in samples if key in sample), default=0)


def of_the_app(samples: Sequence[Sample], name: str) -> int:
    """The highest count of the target's `packets`, `treated`, … without what it exchanged with who only looks."""
    found = (
        int(each[f"target_{name}"]) - int(each.get(f"own_{name}", 0))
        for each in samples
        if f"target_{name}" in each
    )
    return max(found, default=0)


@dataclass(slots=True)
class Injection:
    """A fault that is in place: how it was done, and how to look at it from the side.

    `observe` takes one side-band sample (never from the app's own metrics) and returns it, or None when there was
    nothing to see; the agent calls it every `every_s` while the fault is held, in the step's thread.
    """

    mechanism: str
    kind: Literal["real", "emulated"]
    asked: Mapping[str, float | str]
    observe: Callable[[], Sample | None] = lambda: None
    every_s: float = 0.1
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fault(ABC):
    """One way to hurt a target."""

    type: str
    intensity: Intensity | None = None
    """A documented preset instead of exact numbers."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    """intensity -> fields, written as an author would write them."""
    mechanisms: ClassVar[Sequence[str]]
    """How it acts, the better way first; what came of it is in every result, with `real` or `emulated`."""
    requires: ClassVar[frozenset[str]] = frozenset()
    """Capabilities that the sandbox must provide: net-admin, mount, memory-limit, block-device, freeze, egress."""
    ends_with: ClassVar[Literal["agent", "sandbox"]] = "agent"
    """Whose end is enough to end the fault, even by SIGKILL: the agent's, or only the whole sandbox's."""
    prepares: ClassVar[bool] = False
    """Whether the app must be started with something for this fault to act on it later: see `environment`."""
    reconnects: ClassVar[bool] = False
    """Whether connections that are kept open can keep the target from meeting it: then a step may say `reconnect`."""
    impulse: ClassVar[bool] = False
    """True when the fault happens at a moment and has nothing to undo; recovery time then counts from that moment."""

    @abstractmethod
    def inject(self, target: Target) -> AbstractContextManager[Injection]:
        """Hurt the target on enter; make it whole on exit, whatever happened between. Raises FaultError."""

    @abstractmethod
    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Judge the side-band samples of one step. Pure."""

    @abstractmethod
    def met(self, samples: Sequence[Sample]) -> Met:
        """How often the target met it, by the side-band samples of one step. Pure; asked when the hold is over.

        What is ours does not count: our attempts, probes and requests only where they go through the app.
        """

    def about_peer(self) -> tuple[str | None, int | None]:
        """Host or process, and port, that connections of the app lead to which this fault is about; None: any."""
        return None, None

    def missing(self) -> str | None:
        """What this machine lacks for it, with the remedy; None when nothing. `plan` asks where the sandbox is here."""
        return None

    def unfit(self) -> Mapping[str, str]:
        """Mechanisms of this fault that cannot do it with these fields -> why. Pure; `plan` tells it."""
        return {}

    def environment(self, process: str, work: Path, env: Mapping[str, str]) -> Mapping[str, str]:
        """Variables that `process` needs from its first life on, beside `env`, for this fault to act on it later.

        Of a fault that `prepares`; asked for inside the sandbox before anything is started, also in a control. Until
        the fault is injected they must not change what the process does. Raises InjectionError.
        """
        return {}

    def prepares_app(self) -> bool:
        """Whether this one of its kind has something to start the app with."""
        return self.prepares

    def minimum_hold_s(self) -> float:
        """The shortest hold in which this fault can reach what it was asked for; `plan` refuses a shorter one."""
        return 0.0
