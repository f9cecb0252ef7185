"""The matrix: what is done to which stack, what is asked of it, and what a client beside it must then see.

`expected` is known beforehand, by how the stack is built; the witness has to confirm it, and the verdict to say it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bench.stacks import Stack

UNMET = "unmet"
"""Expected of a fault that the stack cannot run into: whatever the client sees, `held` would prove nothing."""
BUDGET = 0.1
RECOVERS_WITHIN_S = 3.0
_HOLD_S = 3


class Cell(NamedTuple):
    """One experiment."""

    stack: Stack
    fault: str
    asked: Mapping[str, Any]
    path: str
    expected: str
    """held, deviated, or UNMET."""
    afterwards: bool = False
    max_ms: float | None = None
    """An answer that took longer is a bad one."""
    restart: str = "always"
    expect_met: bool = True
    """False where it is also to be held by an app that does not come near the limit."""

    @property
    def name(self) -> str:
        """In DNS-label form."""
        path = "safe" if self.path == "/safe" else "plain"
        return f"{self.stack.name}-{self.fault.replace(' ', '-')}-{path}"

    def manifest(self) -> dict[str, Any]:
        """The whole document, with a witness among its processes."""
        url = f"http://127.0.0.1:8000{self.path}"
        target = self.stack.target(restart=self.restart)
        target["processes"].append({"name": "witness", "command": ["python3", "-S", "witness.py", url]})
        tolerance: dict[str, Any] = {"status": 200}
        if self.max_ms:
            tolerance["maxLatency"] = f"{self.max_ms:g}ms"
        judged = (
            {"holds": "afterwards", "recoverWithin": "3s"} if self.afterwards else {"budget": f"{BUDGET:.0%}"}
        )
        probe = {"type": "http", "url": url, "every": "50ms", "timeout": "1s"}
        return {
            "apiVersion": "chaoslab/v1",
            "kind": "Experiment",
            "metadata": {"name": self.name},
            "spec": {
                "hypothesis": f"{self.stack.name} answers {self.path} whatever {self.fault} does.",
                "sandbox": {"type": "local", "memory": "512MiB", "disk": "128MiB", "ttl": "3m"},
                "target": target,
                "steadyState": [{"name": "answers", "probe": probe, "tolerance": tolerance, **judged}],
                "method": [
                    {
                        "name": self.fault,
                        "fault": dict(self.asked),
                        "hold": f"{_HOLD_S}s",
                        **({} if self.expect_met else {"expectMet": False}),
                    }
                ],
                "phases": {"warmup": "2s", "baseline": "2s", "recovery": "4s"},
            },
        }


def cells(stack: Stack) -> Iterator[Cell]:
    """All that applies to it."""
    yield from _dependency(stack)
    if stack.http:
        broken = {"type": "http_fault", "process": stack.dependency, "mode": "status", "status": 503}
        yield Cell(stack, "answers 503", broken, "/", "deviated")
        yield Cell(stack, "answers 503", broken, "/safe", "held")
    kill = {"type": "process_kill", "process": "web"}
    yield Cell(stack, "killed", kill, "/", "held", afterwards=True)
    yield Cell(stack, "killed for good", kill, "/", "deviated", afterwards=True, restart="never")
    yield Cell(stack, "paused", {"type": "process_pause", "process": "web"}, "/", "deviated")
    slow = {"type": "network_delay", "process": "web", "delay": "250ms"}
    yield Cell(stack, "slow road", slow, "/", "held")
    yield Cell(stack, "slow road fast wanted", slow, "/", "deviated", max_ms=200)
    full = {"type": "disk_full", "path": "/tmp", "leave": "1MiB"}
    yield Cell(stack, "full disk", full, "/safe", "held", expect_met=False)
    yield Cell(
        stack, "half a core", {"type": "cpu_throttle", "cpu": "50%"}, "/safe", "held", expect_met=False
    )


def _dependency(stack: Stack) -> Iterator[Cell]:
    refused = {"type": "dependency_failure", "process": stack.dependency, "mode": "refuse"}
    yield Cell(stack, "refused", refused, "/", "deviated")
    yield Cell(stack, "refused", refused, "/safe", "held")
    if stack.pools:  # the name was looked up when the connections were made, and is not looked up again
        unknown = {"type": "dependency_failure", "process": stack.dependency, "mode": "nxdomain"}
        yield Cell(stack, "name unknown", unknown, "/", UNMET)
    reset = {"type": "dependency_failure", "process": stack.dependency, "mode": "reset"}
    yield Cell(stack, "reset", reset, "/", "deviated")
    yield Cell(stack, "reset", reset, "/safe", "held")
    paused = {"type": "process_pause", "process": stack.dependency}
    yield Cell(stack, "dependency hangs", paused, "/", "deviated")
    if stack.name != "postgres":  # whose client has no timeout for an answer that never comes
        yield Cell(stack, "dependency hangs", paused, "/safe", "held")
