"""A whole made-up run: 10 s of baseline, 60 s with 300 ms more on the network, 30 s of recovery, at 50 requests/s."""

from collections.abc import Iterator
from random import Random
from typing import Any

from chaos.events import Event

START = 1_795_384_991.0
BASELINE, FAULT, RECOVERY = 10.0, 60.0, 30.0
END = START + BASELINE + FAULT + RECOVERY
INJECTED, RECOVERED = START + BASELINE + 0.02, START + BASELINE + FAULT + 0.02

PLAN: dict[str, Any] = {
    "run_id": "20261122-180311-shop-network-delay-7f3a",
    "experiment": "shop-network-delay",
    "hypothesis": "Checkout answers within a second while its network is 300 ms slower.",
    "labels": {"team": "payments"},
    "digest": "sha256:5d1c0f7f4c2b6a0d9a4b8f7c2f1d4e6a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e",
    "sandbox": {"type": "local"},
    "app": "/app",
    "python": "/usr/bin/python3",
    "seed": 7,
    "lease_s": 15.0,
    "sample_hz": 10,
    "memory_limit_bytes": 512 * 2**20,
    "disk_paths": ["/tmp", "/app"],
    "processes": [
        {
            "name": "inventory",
            "command": ["python3", "inventory.py"],
            "port": 9000,
            "env": {},
            "restart": "never",
        },
        {"name": "web", "command": ["python3", "web.py"], "port": 8000, "env": {}, "restart": "always"},
    ],
    "load": {
        "url": "http://127.0.0.1:8000/checkout",
        "method": "GET",
        "headers": {},
        "body": None,
        "rate_per_s": 50.0,
        "timeout_s": 2.0,
        "connections": 256,
    },
    "steady_state": [
        {
            "name": "healthy",
            "probe": {"type": "http", "url": "http://127.0.0.1:8000/health", "every": 0.05, "timeout": 1.0},
            "tolerance": {"status": 200},
            "holds": "afterwards",
            "budget": 0.0,
            "recover_within_s": 5.0,
        },
        {
            "name": "fast",
            "probe": {"type": "metric", "metric": "latency_p95", "window": 1.0, "every": 0.5},
            "tolerance": {"max": 1.0, "unit": "duration"},
            "holds": "throughout",
            "budget": 0.05,
            "recover_within_s": None,
        },
    ],
    "method": [
        {
            "name": "slow network",
            "fault": {"type": "network_delay", "delay": 0.3, "process": "web"},
            "hold_s": FAULT,
        }
    ],
    "baseline_s": BASELINE,
    "recovery_s": RECOVERY,
    "stop_when": [
        {
            "probe": {"type": "metric", "metric": "error_rate", "window": 1.0, "every": 0.5},
            "tolerance": {"max": 0.5, "unit": "share"},
            "for_s": 3.0,
        }
    ],
    "analysis": {"analyzer": "rules"},
}


def events() -> list[Event]:
    """Its journal, in the order of time, as the agent and the host would have written it."""
    found = sorted(
        [*_host(), *_phases(), *_fault(), *_load(), *_probes(), *_usage(), *_log()], key=lambda e: e.at
    )
    return [Event(e.type, e.at, e.data, e.source, number) for number, e in enumerate(found)]


def _host() -> Iterator[Event]:
    facts = {key: PLAN[key] for key in ("run_id", "experiment", "digest", "seed")}
    versions = {"chaoslab": "0.1.0", "python": "3.11.7", "kernel": "6.1.0"}
    yield Event("run.started", START - 1.0, {**facts, "plan": PLAN, "versions": versions}, "host")
    opened = {"ref": {"type": "local", "id": "clab-7f3a"}, "provides": ["net-admin"], "took_s": 0.21}
    yield Event("sandbox.opened", START - 0.7, opened, "host")
    yield Event("sandbox.destroyed", END + 0.25, {"destroyed": True, "why": "run over"}, "host")
    yield Event("run.ended", END + 0.3, {"outcome": "completed", "why": "all phases done"}, "host")


def _phases() -> Iterator[Event]:
    yield Event(
        "agent.started",
        START - 0.5,
        {"pid": 2, "python": "3.11", "kernel": "6.1", "memory_limit_bytes": 2**29},
    )
    yield Event("target.ready", START - 0.01, {"took_s": 0.4})
    at = START
    for phase, length in (("baseline", BASELINE), ("fault", FAULT), ("recovery", RECOVERY)):
        yield Event("phase.started", at, {"phase": phase})
        at += length
        yield Event("phase.ended", at, {"phase": phase})
    yield Event("baseline.judged", START + BASELINE, {"steady": True, "why": "every steady state held"})
    yield Event("agent.ended", END + 0.1, {"outcome": "completed", "why": "all phases done"})


def _fault() -> Iterator[Event]:
    step = {"step": "slow network", "fault": "network_delay"}
    how = {
        "mechanism": "nfqueue",
        "kind": "real",
        "asked": {"delay_ms": 300.0, "jitter_ms": 0.0},
        "notes": {"connect": "pays it too"},
    }
    yield Event("fault.injected", INJECTED, step | how)
    dice = Random(5)
    for number in range(1, 300):
        seen = {"delay_ms": 300.4 + dice.gauss(0, 0.6), "target_packets": number * 20}
        yield Event("fault.measured", INJECTED + number / 5, step | seen)
    yield Event("fault.recovered", RECOVERED, {**step, "because": "held", "residue": []})


def _slow(at: float) -> bool:
    return INJECTED <= at < RECOVERED


def _load() -> Iterator[Event]:
    yield Event("load.started", START, {"url": PLAN["load"]["url"], "rate_per_s": 50.0})
    dice = Random(7)
    for number in range(int((END - START) * 50)):
        at = START + number / 50
        took_ms = dice.lognormvariate(1.9, 0.35) + (300.0 + dice.random() * 9 if _slow(at) else 0.0)
        status: int | None = 200
        error = None
        if _slow(at) and dice.random() < 0.006:
            took_ms, status, error = 2000.0, None, "timeout"
        elif dice.random() < 0.01:
            took_ms += dice.random() * 180
        late = {"late_ms": round(dice.random() * 0.4, 3), "took_ms": round(took_ms, 3)}
        yield Event("load.sampled", at, {**late, "status": status, "error": error, "bytes": 60})
    yield Event("load.ended", END, {"sent": int((END - START) * 50)})


def _probes() -> Iterator[Event]:
    dice = Random(11)
    for number in range(int((END - START) * 20)):
        at = START + number / 20
        restarting = RECOVERED < at < RECOVERED + 0.6
        value = None if restarting else {"status": 200, "bytes": 2}
        error = "connection reset" if restarting else None
        yield Event(
            "probe.sampled",
            at,
            {"probe": "healthy", "took_ms": 3 + dice.random(), "value": value, "error": error},
        )
    for number in range(int((END - START) * 2)):
        at = START + number / 2
        seconds = (0.31 if _slow(at) else 0.011) + dice.random() * 0.008
        yield Event(
            "probe.sampled", at, {"probe": "fast", "took_ms": 0.1, "value": {"value": seconds}, "error": None}
        )


def _usage() -> Iterator[Event]:
    dice = Random(3)
    for number in range(int((END - START) * 10)):
        at = START + number / 10
        if START + 82 < at < START + 83.6:
            continue  # nobody sampled for a while: a gap, too short to doubt the run
        used = 118 + 24 * _slow(at) + dice.random() * 2
        cpu = 21 + dice.random() * 6 + (38 if number == 431 else 0)
        yield Event(
            "usage.sampled",
            at,
            {
                "cpu_percent": cpu,
                "memory_bytes": int(used * 2**20),
                "memory_percent": used / 5.12,
                "disk": {"/tmp": {"used_bytes": 3 * 2**20, "size_bytes": 256 * 2**20}},
                "processes": {},
                "agent_cpu_percent": 1.4,
            },
        )


def _log() -> Iterator[Event]:
    lines = (
        (0.1, "web", "stdout", "listening on 127.0.0.1:8000"),
        (11.4, "web", "stderr", "WARNING inventory slow: 0.312 s, attempt 1 of 3"),
        (12.9, "web", "stderr", "WARNING inventory timed out after 2.0 s, using the cached stock"),
        (70.1, "web", "stdout", "inventory is quick again"),
    )
    for after, process, stream, line in lines:
        yield Event("log.captured", START + after, {"process": process, "stream": stream, "line": line})
