"""Chaos Toolkit beside us: what a run costs, how finely recovery is seen, what is said of a run that proves nothing.

    python -m bench.chaos_toolkit [ROUNDS]

The same server (it needs half a second until it listens, and is started again by who supervises it) is killed by both.
Overhead is wall clock of the whole command less the declared phases or pauses; ours includes making the sandbox and
starting the app, theirs neither, as the app is there already. Recovery is compared with the server's own word of when
it listened. Exit codes are for the two runs that show nothing: off before the method, and an injection that failed.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from bench import ours, toolkit

PAUSE_S = 4.0
LOOKS = {"as it comes": (None, None), "50 looks a second": ("20ms", "0.02")}
"""How often is looked: `every` of our probe, `--hypothesis-frequency` of theirs; None: the tool's own default."""
SERVER = """
import http.server, sys, time
time.sleep(0.5)
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[2]))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hello)
print("listens", time.time(), flush=True)
server.serve_forever()
"""
BRIEF = "import time\ntime.sleep(0.7)\n"


@dataclass(frozen=True)
class Seen:
    """One killed server; seconds."""

    overhead_s: float
    late_s: float
    """When it was said to be back, less when it was."""
    step_s: float
    """Between two looks: the least that can be told apart."""


def manifest(
    status: int = 200, fault: Mapping[str, Any] | None = None, every: str | None = None
) -> dict[str, Any]:
    """Ours: the same server under our supervisor."""
    look = {"type": "http", "url": "http://127.0.0.1:8000/", "timeout": "1s"} | (
        {"every": every} if every else {}
    )
    web = {
        "name": "web",
        "command": ["python3", "-S", "server.py", "8000", str(status)],
        "port": 8000,
        "restart": "always",
        "ready": {"type": "tcp", "port": 8000},
    }
    brief = {"name": "brief", "command": ["python3", "-S", "brief.py"], "restart": "never"}
    return ours.document(
        "killed",
        sandbox={"type": "local", "memory": "128MiB", "disk": "16MiB", "ttl": "2m"},
        target={"app": "app", "processes": [web, brief]},
        steadyState=[
            {
                "name": "answers",
                "probe": look,
                "tolerance": {"status": 200},
                "holds": "afterwards",
                "recoverWithin": "2s",
            }
        ],
        method=[{"name": "hurt", "fault": fault or {"type": "process_kill", "process": "web"}, "hold": "1s"}],
        phases={"baseline": "1s", "recovery": "3s"},
    )


def killed_by_us(folder: Path, every: str | None) -> Seen | None:
    """The whole command, and its journal; None when the server was not back in time, as on a very busy machine."""
    path = ours.app(folder, server=SERVER, brief=BRIEF)
    path.write_text(json.dumps(manifest(every=every)))  # JSON is YAML
    began = time.monotonic()
    done = subprocess.run(ours.command(path, folder / "runs"), capture_output=True, text=True, check=False)
    wall_s = time.monotonic() - began
    if not done.stdout:
        sys.exit(done.stderr)
    ran = ours.said(done.stdout, folder / "runs")
    [state] = ran.result.steady_state
    if state.recovery_time_seconds is None:
        print(f"thrown away: {ran.result.why}")
        return None
    killed = ran.at("fault.injected")
    listens = [_said(event.data["line"]) for event in ran.events if event.type == "log.captured"]
    back = next(at for at in listens if at is not None and at > killed)
    looks = sorted(event.at for event in ran.events if event.type == "probe.sampled")
    return Seen(
        wall_s - ran.result.timings.declared_s, killed + state.recovery_time_seconds - back, _step(looks)
    )


def killed_by_them(chaos: Path, folder: Path, frequency: str | None) -> Seen:
    """One run for the overhead, one that looks all the time for the recovery."""
    action = {"type": "process", "path": "sh", "arguments": f"-c 'kill -9 $(cat {folder}/pid)'"}
    with _supervised(folder, 200) as port:
        experiment = toolkit.experiment(f"http://127.0.0.1:{port}/", action, PAUSE_S)
        quick = toolkit.run(chaos, experiment, folder)
        options = ("--hypothesis-frequency", frequency) if frequency else ()
        time.sleep(1.5)  # the server that was killed is back
        watched = toolkit.run(chaos, experiment, folder, "--hypothesis-strategy", "continuously", *options)
        listens = [_said(line) for line in (folder / "log").read_text().splitlines()]
    killed = _at(watched.journal["run"][0]["start"])
    looks = [each["probes"][0] for each in watched.journal["steady_states"]["during"] if each["probes"]]
    back = next(at for at in listens if at is not None and at > killed)
    # No look fell into the outage: what was seen is that there was none, which is wrong by all of it.
    said = next(
        (_at(good["end"]) for bad, good in pairwise(looks) if _bad(bad) and not _bad(good)),
        killed,
    )
    return Seen(quick.wall_s - PAUSE_S, said - back, _step([_at(look["start"]) for look in looks]))


def _bad(look: Mapping[str, Any]) -> bool:
    return not look.get("tolerance_met")


def _step(looks: list[float]) -> float:
    return statistics.median(after - before for before, after in pairwise(looks))


def _at(text: str) -> float:
    """Unix seconds of a time in Chaos Toolkit's journal; it is UTC whether it says so or not."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _said(line: str) -> float | None:
    word, _, at = line.partition(" ")
    return float(at) if word == "listens" else None


@contextmanager
def _supervised(folder: Path, status: int) -> Iterator[int]:
    """The server on a port of its own, started again whenever it ends."""
    with socket.socket() as any_socket:
        any_socket.bind(("127.0.0.1", 0))
        port: int = any_socket.getsockname()[1]
    (folder / "server.py").write_text(SERVER)
    program = f"{sys.executable} -S server.py {port} {status}"
    script = f"while :; do {program} >>log 2>/dev/null & echo $! >pid; wait $!; sleep 0.1; done"
    (folder / "log").write_text("")
    with subprocess.Popen(
        ["sh", "-c", script], cwd=folder, stderr=subprocess.DEVNULL, start_new_session=True
    ) as supervisor:
        try:
            until = time.monotonic() + 30
            while "listens" not in (folder / "log").read_text():
                assert time.monotonic() < until, "the server does not start"
                time.sleep(0.02)
            yield port
        finally:
            os.killpg(supervisor.pid, signal.SIGKILL)


def vacuous(chaos: Path, folder: Path) -> None:
    """Two runs that prove nothing, by both tools."""
    path = ours.app(folder, server=SERVER, brief=BRIEF)
    off = ours.run(manifest(status=500), path, failing=True).result
    with _supervised(folder, 500) as port:
        action = {"type": "process", "path": "sh", "arguments": f"-c 'kill -9 $(cat {folder}/pid)'"}
        theirs = toolkit.run(chaos, toolkit.experiment(f"http://127.0.0.1:{port}/", action, 0.1), folder)
    _compare("off before the method", off, theirs)
    # The process to kill has ended by itself: there is nothing to kill.
    gone = {"type": "process_kill", "process": "brief"}
    missed = ours.run(manifest(fault=gone), path, failing=True).result
    with _supervised(folder, 200) as port, subprocess.Popen(["true"]) as ended:
        ended.wait()
        action = {"type": "process", "path": "kill", "arguments": f"-9 {ended.pid}"}
        theirs = toolkit.run(chaos, toolkit.experiment(f"http://127.0.0.1:{port}/", action, 0.1), folder)
    _compare("injection failed", missed, theirs)


def _compare(what: str, mine: Any, theirs: toolkit.Ran) -> None:
    said = f"{theirs.journal.get('status')}, deviated: {theirs.journal.get('deviated')}"
    print(
        f"{what}: ours exits with {mine.exit_code} ({mine.outcome}, {mine.verdict}); Chaos Toolkit with",
        end=" ",
    )
    print(f"{theirs.code} ({said}){': green' if theirs.code == 0 else ''}")


def main() -> None:
    """Print the ratios, and what each says of a run that proves nothing."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    chaos = toolkit.installed()
    print(f"one kill, medians of {rounds}; Chaos Toolkit is {' '.join(toolkit.VERSIONS)}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overheads: list[tuple[float, float]] = []
        for how, (every, frequency) in LOOKS.items():
            tried = (killed_by_us(folder, every) for _ in range(2 * rounds))
            mine = list(islice((each for each in tried if each is not None), rounds))
            theirs = [killed_by_them(chaos, folder, frequency) for _ in range(rounds)]
            overheads += [(a.overhead_s, b.overhead_s) for a, b in zip(mine, theirs, strict=False)]
            step = [statistics.median(each.step_s for each in side) for side in (mine, theirs)]
            late = [statistics.median(abs(each.late_s) for each in side) for side in (mine, theirs)]
            print(
                ours.ratio(
                    f"{how}: our time between two looks, to Chaos Toolkit's,", *step, unit="s", digits=3
                )
            )
            print(ours.ratio(f"{how}: our error of when it was back, to theirs,", *late, unit="s", digits=3))
        cost = [statistics.median(side) for side in zip(*overheads, strict=True)]
        print(ours.ratio("our run overhead, to Chaos Toolkit's,", *cost, unit="s"))
        vacuous(chaos, folder)
    print(ours.machine())


if __name__ == "__main__":
    main()
