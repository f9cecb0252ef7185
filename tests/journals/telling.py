"""Tell a small made-up run: 2 s of baseline, a fault for 4 s, 4 s of recovery. Times count from the baseline's begin.

What the target did is given as spans: `down` (the health probe is refused), `slow` (requests take that long),
`failing` (requests are refused). Everything else is a run that went well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.events import Event

START = 1_763_834_590.0
"""2025-11-22 18:03:10 UTC."""
BASELINE, HOLD, RECOVERY = 2.0, 4.0, 4.0
INJECTED, RECOVERED = 2.1, 6.1
END = BASELINE + HOLD + RECOVERY + 0.2
HEALTH_EVERY, METRIC_EVERY, LOAD_EVERY, USAGE_EVERY = 0.2, 0.5, 0.1, 0.2

Span = tuple[float, float]

HEALTHY: dict[str, Any] = {
    "name": "healthy",
    "probe": {"type": "http", "url": "http://127.0.0.1:8000/health", "every": HEALTH_EVERY, "timeout": 1.0},
    "tolerance": {"status": 200},
    "holds": "throughout",
    "budget": 0.0,
    "recover_within_s": None,
}
COMES_BACK: dict[str, Any] = HEALTHY | {"holds": "afterwards", "recover_within_s": 2.0}
FAST: dict[str, Any] = {
    "name": "fast",
    "probe": {"type": "metric", "metric": "latency_p95", "window": 1.0, "every": METRIC_EVERY},
    "tolerance": {"max": 1.0, "unit": "duration"},
    "holds": "throughout",
    "budget": 0.0,
    "recover_within_s": None,
}
SLOW_NETWORK: dict[str, Any] = {
    "name": "slow network",
    "fault": {"type": "network_delay", "delay": 0.3, "process": "web"},
    "hold_s": HOLD,
}
KILL: dict[str, Any] = {
    "name": "kill web",
    "fault": {"type": "process_kill", "process": "web"},
    "hold_s": HOLD,
}


def inside(at: float, spans: Sequence[Span]) -> bool:
    """Whether a moment lies in one of the spans."""
    return any(start <= at < end for start, end in spans)


@dataclass
class Telling:
    """One run. Change what is to be different, then `events()`."""

    states: list[dict[str, Any]] = field(default_factory=lambda: [COMES_BACK, FAST])
    step: dict[str, Any] = field(default_factory=lambda: SLOW_NETWORK)
    down: Sequence[Span] = ()
    failing: Sequence[Span] = ()
    slow: Mapping[Span, float] = field(default_factory=lambda: {(INJECTED, RECOVERED): 0.33})
    delivered_ms: float = 301.0
    late_ms: float = 0.2
    residue: Sequence[str] = ()
    log: Sequence[tuple[float, str]] = ()
    taken: Mapping[Span, float] = field(default_factory=dict)
    """CPU time that the machine took from the app, in those spans, as a share of the time."""
    restarts: Sequence[float] = ()
    """When the process that was killed ends again, each time 50 ms after it was started."""
    trial: int = 1
    control: bool = False
    """The faults are withheld."""
    series: Mapping[str, Any] | None = None
    """Which trials and controls this is one of; None of a single run."""
    written: list[tuple[float, Event]] = field(default_factory=list)

    def events(self) -> list[Event]:
        """All of it, in the order it would have been written."""
        self.written.clear()
        self._begin()
        self._phases()
        self._fault()
        self._load()
        self._probes()
        self._usage()
        for at, line in self.log:
            self.tell(at, "log.captured", process="web", stream="stderr", line=line)
        self._end()
        ordered = [event for _, event in sorted(self.written, key=lambda pair: pair[0])]
        return [Event(e.type, e.at, e.data, e.source, seq) for seq, e in enumerate(ordered, start=1)]

    def tell(self, at: float, type: str, took: float = 0.0, source: str = "agent", **said: Any) -> None:
        """One event at `at`, written `took` later."""
        self.written.append((at + took, Event(type, round(START + at, 6), said, source)))

    def plan(self) -> dict[str, Any]:
        """The order, as the host wrote it."""
        return {
            "experiment": "shop-test",
            "hypothesis": "The shop stays up.",
            "labels": {"team": "payments"},
            "sandbox": {"type": "local"},
            "load": {"url": "http://127.0.0.1:8000/checkout", "rate_per_s": 1 / LOAD_EVERY, "timeout_s": 2.0},
            "steady_state": self.states,
            "method": [self.step],
            "baseline_s": BASELINE,
            "recovery_s": RECOVERY,
            "stop_when": [],
            **self._place(),
        }

    def _place(self) -> dict[str, Any]:
        if self.series is None:
            return {"control": True} if self.control else {}
        return {"trial": self.trial, "control": self.control, "series": dict(self.series)}

    def _begin(self) -> None:
        about = {
            "run_id": "r-1",
            "experiment": "shop-test",
            "digest": "sha256:00",
            "seed": 7,
            "plan": self.plan(),
        }
        self.tell(-1.0, "run.started", source="host", versions={}, **about)
        ref = {"type": "local", "id": "box-1"}
        self.tell(-0.8, "sandbox.opened", source="host", ref=ref, took_s=0.2)
        self.tell(
            -0.7,
            "agent.started",
            pid=2,
            python="3.11.2",
            kernel="6.1",
            memory_limit_bytes=2**29,
            memory_kind="real",
        )
        self.tell(-0.6, "process.started", process="web", pid=10, restarts=0)
        self.tell(-0.2, "process.ready", process="web", took_s=0.4)
        self.tell(-0.1, "target.ready", took_s=0.5)

    def _phases(self) -> None:
        fault_ended = BASELINE + HOLD + 0.15
        self.tell(0.0, "phase.started", phase="baseline")
        self.tell(BASELINE, "phase.ended", phase="baseline")
        self.tell(BASELINE + 0.01, "baseline.judged", steady=True, why="all good")
        self.tell(BASELINE + 0.02, "phase.started", phase="fault")
        self.tell(fault_ended, "phase.ended", phase="fault")
        self.tell(fault_ended + 0.01, "phase.started", phase="recovery")
        self.tell(END, "phase.ended", phase="recovery")

    def _fault(self) -> None:
        if self.control:
            self.tell(BASELINE + 0.03, "fault.withheld", lasts_s=HOLD)
            return
        about = {"step": self.step["name"], "fault": self.step["fault"]["type"]}
        if about["fault"] == "process_kill":
            seen = {"killed_pid": 10, "signal": "SIGKILL", "sent_s": 0.0, "seen_ms": 2.0}
            self.tell(INJECTED - 0.01, "fault.measured", **about, **seen)
            self.tell(
                INJECTED - 0.008, "process.exited", process="web", pid=10, exit_code=None, signal="SIGKILL"
            )
            self.tell(INJECTED + 0.1, "process.started", process="web", pid=11, restarts=1)
            self._loop()
            how: dict[str, Any] = {"mechanism": "pidfd-signal", "kind": "real", "asked": {"kills": 1.0}}
        else:
            how = {"mechanism": "nfqueue", "kind": "real", "asked": {"delay_ms": 300.0, "jitter_ms": 0.0}}
            for number in range(20):
                packets = {"target_packets": 10 * (number + 1)}
                sample = {"delay_ms": self.delivered_ms + (number % 5) * 0.1, **packets}
                self.tell(INJECTED + 0.1 + number * 0.2, "fault.measured", **about, **sample)
        self.tell(INJECTED, "fault.injected", **about, **how, notes={})
        ended = {
            "because": "held",
            "began_at": round(START + RECOVERED - 0.005, 6),
            "residue": list(self.residue),
        }
        self.tell(RECOVERED, "fault.recovered", **about, **ended)

    def _loop(self) -> None:
        for number, at in enumerate(self.restarts):
            ended = {"exit_code": 1, "signal": None, "restart_in_s": 0.1 * 2**number}
            self.tell(at, "process.exited", process="web", pid=11 + number, **ended)
            self.tell(at + 0.2, "process.started", process="web", pid=12 + number, restarts=2 + number)

    def _load(self) -> None:
        self.tell(-0.02, "load.started", url="http://127.0.0.1:8000/checkout", rate_per_s=1 / LOAD_EVERY)
        for number in range(round(END / LOAD_EVERY)):
            at = round(number * LOAD_EVERY, 6)
            took = next((took for span, took in self.slow.items() if inside(at, [span])), 0.012)
            status, error = (None, "timeout") if took >= 2.0 else (200, None)
            if inside(at, self.failing):
                status, error, took = None, "refused", 0.001
            said = {
                "late_ms": self.late_ms,
                "took_ms": round(took * 1000, 3),
                "status": status,
                "error": error,
            }
            self.tell(at, "load.sampled", took, **said, bytes=12 if status else 0)
        self.tell(END + 0.05, "load.ended", sent=round(END / LOAD_EVERY))

    def _probes(self) -> None:
        for state in self.states:
            look = self._metric if state["probe"]["type"] == "metric" else self._health
            every = state["probe"]["every"]
            # A metric has no value before its window is full.
            first = 2 if state["probe"]["type"] == "metric" else 0
            for number in range(first, round(END / every)):
                look(state["name"], round(number * every, 6))

    def _health(self, name: str, at: float) -> None:
        bad = inside(at, self.down)
        value = None if bad else {"status": 200, "bytes": 2}
        error = "refused" if bad else None
        self.tell(at, "probe.sampled", 0.004, probe=name, late_ms=0.1, took_ms=4.0, value=value, error=error)

    def _metric(self, name: str, at: float) -> None:
        """The slowest request of the last second, near enough to a p95 of ten."""
        found = [2.0 for start, end in self.failing if start < at and end > at - 1.0]
        found += [took for (start, end), took in self.slow.items() if start < at and end > at - 1.0]
        value = {"value": max(found, default=0.012)}
        self.tell(at, "probe.sampled", 0.0004, probe=name, late_ms=0.1, took_ms=0.4, value=value, error=None)

    def _usage(self) -> None:
        for number in range(round(END / USAGE_EVERY)):
            at = round(number * USAGE_EVERY, 6)
            hurt = inside(at, [(INJECTED, RECOVERED)])
            share = next((share for span, share in self.taken.items() if inside(at, [span])), 0.0)
            taken = {"waited_ms": share * USAGE_EVERY * 1000, "taken_ms": share * USAGE_EVERY * 1000}
            self.tell(
                at,
                "usage.sampled",
                cpu_percent=85.5 if hurt else 20.0,
                memory_bytes=2**28,
                memory_percent=50.0,
                disk={"/tmp": {"size_bytes": 2**20, "used_bytes": 2**18}},
                processes={},
                agent_cpu_percent=1.5,
                **(taken if share else {}),
            )

    def _end(self) -> None:
        self.tell(END + 0.1, "agent.ended", outcome="completed", why="every phase ran to its end")
        self.tell(END + 0.2, "sandbox.destroyed", source="host", destroyed=True, why="the run is over")
        self.tell(
            END + 0.3, "run.ended", source="host", outcome="completed", why="every phase ran to its end"
        )


def drop(events: Sequence[Event], unwanted: Callable[[Event], bool]) -> list[Event]:
    """All but the unwanted ones."""
    return [event for event in events if not unwanted(event)]


def until(events: Sequence[Event], at: float) -> list[Event]:
    """What was written before a moment of the run."""
    return [event for event in events if event.at - START < at]


def in_a_row(runs: Sequence[Sequence[Event]]) -> list[Event]:
    """Segments as they stand in the journal of a series, each a minute after the one before."""
    return [_later(e, 60.0 * number) for number, run in enumerate(runs) for e in run]


def _later(e: Event, by_s: float) -> Event:
    moments = {key: e.data[key] + by_s for key in ("began_at",) if key in e.data}
    return Event(e.type, e.at + by_s, {**e.data, **moments}, e.source, e.seq)


def event(at: float, type: str, source: str = "agent", **said: Any) -> Event:
    """One more event, to put at the end."""
    return Event(type, round(START + at, 6), said, source, 9999)


def changed(events: Sequence[Event], wanted: str, **said: Any) -> list[Event]:
    """The events of one type say something else."""
    return [
        Event(e.type, e.at, {**e.data, **said}, e.source, e.seq) if e.type == wanted else e for e in events
    ]
