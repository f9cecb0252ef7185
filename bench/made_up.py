"""Journals of runs that never were, whose truth is known: what the app does is decided here, by a seed.

Each is what the agent and the host would have written: phases, a delay that landed, looks, requests; the baseline is
judged by the agent's own judge. Times count from the baseline's begin, in seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp
from random import Random
from typing import Any

from chaos.agent.judging import BaselineJudge
from chaos.events import Event
from chaos.run_spec.model import RunSpec

START = 1_763_834_590.0
SETTLED_S = 0.002
"""From the end of a phase to the beginning of the next."""

Bad = Callable[[float], bool]
"""Whether a look, or a request, of that moment is bad."""


@dataclass(frozen=True)
class Phases:
    """How long each lasts."""

    baseline: float = 2.0
    fault: float = 4.0
    recovery: float = 3.0

    @property
    def end(self) -> float:
        """Of all."""
        return self.baseline + self.fault + self.recovery

    def of(self, at: float) -> str:
        """The phase of a moment."""
        if at < self.baseline:
            return "baseline"
        return "fault" if at < self.baseline + self.fault else "recovery"


@dataclass
class Run:
    """One run. `bad` says of each steady state when its looks are, `failing` when requests are."""

    states: Sequence[Mapping[str, Any]]
    bad: Mapping[str, Bad]
    phases: Phases = field(default_factory=Phases)
    rate_per_s: float = 0.0
    failing: Bad = lambda _: False
    significance: float | None = None
    place: Mapping[str, Any] = field(default_factory=dict)
    """`trial`, `control` and `series` of the plan."""
    kill: bool = False
    """The fault is a kill at the beginning of its phase, instead of a delay that is held."""
    samples: Sequence[Mapping[str, Any]] | None = None
    """What the fault's side-band saw; None: what was asked."""
    fault: Mapping[str, Any] | None = None
    """Another fault than those two, as the plan has it; its `samples` are needed."""
    took_s: Callable[[float], float] = lambda _: 0.002
    """How long a look of that moment takes."""
    answered_s: Callable[[float], float] = lambda _: 0.002
    """How long a request does."""

    def events(self) -> list[Event]:
        """All of it."""
        self._told: list[tuple[float, str, dict[str, Any]]] = []
        phases, plan = self.phases, self._plan()
        self._tell(
            -0.1, "run.started", run_id="r", experiment="made-up", digest="sha256:0", seed=1, plan=plan
        )
        self._tell(0.0, "phase.started", phase="baseline")
        steady = self._observe(plan)
        self._tell(phases.baseline - 0.001, "baseline.judged", steady=steady, why="")
        self._fault(phases.baseline, phases.baseline + phases.fault)
        self._tell(phases.baseline, "phase.started", phase="fault")
        self._tell(phases.baseline + phases.fault, "phase.started", phase="recovery")
        self._tell(phases.end, "phase.ended", phase="recovery")
        self._tell(phases.end + 0.1, "agent.ended", outcome="completed", why="every phase ran to its end")
        self._told.sort(key=lambda each: each[0])
        if not steady:
            self._told = [each for each in self._told if each[0] < phases.baseline]
            self._tell(phases.baseline, "agent.ended", outcome="not_injected", why="not steady")
        return [
            Event(kind, START + at, said, "agent", number)
            for number, (at, kind, said) in enumerate(self._told)
        ]

    def _tell(self, at: float, kind: str, /, **said: Any) -> None:
        self._told.append((round(at, 6), kind, said))

    def _plan(self) -> dict[str, Any]:
        fault = {"type": self._kind, "process": "web", **(self.fault or {})}
        return {
            "experiment": "made-up",
            "steady_state": list(self.states),
            "load": {"rate_per_s": self.rate_per_s, "timeout_s": 2.0} if self.rate_per_s else None,
            "method": [{"name": "fault", "fault": fault, "hold_s": self.phases.fault}],
            "baseline_s": self.phases.baseline,
            "recovery_s": self.phases.recovery,
            "declared_s": self.phases.end,
            "sandbox": {"type": "local"},
            "significance": self.significance,
            **self.place,
        }

    @property
    def _kind(self) -> str:
        usual = "process_kill" if self.kill else "network_delay"
        return str((self.fault or {}).get("type", usual))

    def _observe(self, plan: dict[str, Any]) -> bool:
        judge = BaselineJudge.of(RunSpec.of_journal(plan | {"significance": self.significance}))
        for state in self.states:
            self._look(state, judge)
        if self.rate_per_s:
            self._load(judge)
        for number in range(int(self.phases.end) + 1):
            self._tell(number * 1.0, "usage.sampled", cpu_percent=1.0, memory_percent=1.0)
        return judge.verdict()[0]

    def _look(self, state: Mapping[str, Any], judge: BaselineJudge) -> None:
        name, every_s = str(state["name"]), float(state["probe"]["every"])
        metric = state["probe"]["type"] == "metric"
        for number in range(int(self.phases.end / every_s + 1e-6)):
            at = number * every_s
            bad = self.bad[name](at) if name in self.bad else False
            value: dict[str, Any] | None = {"value": 9.0 if bad else 0.0} if metric else {"status": 200}
            error = "refused" if bad and not metric else None
            value = None if error else value
            took_s = self.took_s(at)
            about = {"late_ms": 0.0, "took_ms": 1000 * took_s}
            self._tell(at, "probe.sampled", probe=name, **about, value=value, error=error)
            if at + took_s < self.phases.baseline:
                judge.sample(name, at, value, error, took_s)

    def _load(self, judge: BaselineJudge) -> None:
        for number in range(int(self.phases.end * self.rate_per_s + 1e-6)):
            at = number / self.rate_per_s
            took_s, status = self.answered_s(at), 503 if self.failing(at) else 200
            said = {"late_ms": 0.0, "took_ms": 1000 * took_s, "status": status, "error": None}
            self._tell(at, "load.sampled", **said)
            if at + took_s < self.phases.baseline:
                judge.request(at, said)

    def _fault(self, begin: float, end: float) -> None:
        if self.place.get("control"):
            self._tell(begin, "fault.withheld", lasts_s=end - begin)
            return
        about = {"step": "fault", "fault": self._kind}
        if self.kill:
            seen: Sequence[Mapping[str, Any]] = [
                {"killed_pid": 10, "signal": "SIGKILL", "sent_s": 0.0, "seen_ms": 0.0}
            ]
            asked = {"kills": 1.0}
        else:
            seen = self.samples or [{"delay_ms": 300.1, "target_packets": 20}] * 20
            asked = {"delay_ms": 300.0, "jitter_ms": 0.0}
        self._tell(begin, "fault.injected", **about, mechanism="made-up", kind="real", asked=asked, notes={})
        for number, sample in enumerate(seen):
            self._tell(begin + (end - begin) * number / len(seen), "fault.measured", **about, **sample)
        ended = {"because": "held", "began_at": START + end - SETTLED_S, "residue": []}
        self._tell(end - 0.001, "fault.recovered", **about, **ended)


def looked_at(
    name: str = "answers", *, every: float = 0.1, budget: float = 0.0, **said: Any
) -> dict[str, Any]:
    """A steady state that looks at an address."""
    probe = {"type": "http", "url": "http://127.0.0.1:8000/", "every": every, "timeout": 1.0}
    return {
        "name": name,
        "probe": probe,
        "tolerance": {"status": 200},
        "holds": "throughout",
        "budget": budget,
    } | said


def error_rate(most: float, *, budget: float = 0.0, name: str = "errors") -> dict[str, Any]:
    """A steady state of the load."""
    return {
        "name": name,
        "probe": {"type": "metric", "metric": "error_rate", "window": 1.0, "every": 0.5},
        "tolerance": {"max": most, "unit": "share"},
        "holds": "throughout",
        "budget": budget,
    }


def p95(most_s: float) -> dict[str, Any]:
    """One of the load's latency."""
    return {
        "name": "fast",
        "probe": {"type": "metric", "metric": "latency_p95", "window": 1.0, "every": 0.5},
        "tolerance": {"max": most_s, "unit": "duration"},
        "holds": "throughout",
        "budget": 0.0,
    }


def answering(random: Random, phases: Phases, more_s: float = 0.0) -> Callable[[float], float]:
    """About 100 ms (lognormal), and so much more under the fault."""
    return lambda at: 0.1 * exp(random.gauss(0, 0.5)) + (more_s if phases.of(at) == "fault" else 0.0)


def independent(random: Random, rate: float, under: float | None = None, phases: Phases | None = None) -> Bad:
    """Bad by chance, each by itself: with `rate`, in the fault phase with `under`."""

    def bad(at: float) -> bool:
        hurt = under is not None and phases is not None and phases.of(at) == "fault"
        return random.random() < (under if hurt and under is not None else rate)

    return bad


def in_bursts(random: Random, rate: float, length_s: float, lasts_s: float) -> Bad:
    """Bad for a share `rate` of the time, in hiccups of `length_s` at moments drawn by chance."""
    begins, at = [], -length_s
    while at < lasts_s:
        at += random.expovariate(rate / length_s)
        begins.append(at)
    return lambda moment: any(begin <= moment < begin + length_s for begin in begins)


def every_so_often(period_s: float, length_s: float, since: float) -> Bad:
    """Bad for the last `length_s` of every period, from a moment on."""
    return lambda at: at >= since and (at - since) % period_s >= period_s - length_s
