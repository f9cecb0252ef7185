"""What a console costs beside two live runs that ten people look at, and what it does to the runs.

    python -m bench.console [--hold 40]

Each turn carries out two experiments at once (30 requests a second each, 300 ms of delay for `hold` seconds): one turn
without a console, one with it and five viewers of each run. Told: the share of a core that the console took while both
runs were live and looked at, its memory, and of each run the verdict and the generator's own lateness.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

ROOT = Path(__file__).parents[1]
EXPERIMENTS = ROOT / "experiments"
RUNS, VIEWERS = 2, 5
_TICKS = os.sysconf("SC_CLK_TCK")
_CHAOSLAB = (sys.executable, "-m", "flows.main")


def main() -> None:
    """Both turns, and the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hold", type=float, default=40.0)
    hold_s = parser.parse_args().hold
    with tempfile.TemporaryDirectory(prefix="bench-console-") as folder, ExitStack() as ends:
        place = Path(folder)
        env = {
            **os.environ,
            "CHAOSLAB_STATE_DIR": f"{folder}/state",
            "CHAOSLAB_RUNTIME_DIR": f"{folder}/boxes",
        }
        shutil.copytree(EXPERIMENTS / "apps", place / "apps")
        manifests = [_manifest(place, number, hold_s) for number in range(RUNS)]
        _told("without a console", _both(place / "without", manifests, env))
        ends.callback(subprocess.run, [*_CHAOSLAB, "down"], env=env, cwd=ROOT, capture_output=True)
        console, url = ends.enter_context(_console(place, env))
        done: list[dict[str, Any]] = []
        running = threading.Thread(target=lambda: done.extend(_both(place / "with", manifests, env)))
        running.start()
        frames = _looked_at(url, console)
        running.join()
        _told("with a console and ten viewers", done)
        print(f"each viewer heard {min(frames)} to {max(frames)} events")


def _manifest(place: Path, number: int, hold_s: float) -> Path:
    made = yaml.safe_load((EXPERIMENTS / "hello.yaml").read_text())
    made["metadata"]["name"] = f"beside-{number}"
    made["spec"]["method"][0]["hold"] = f"{hold_s}s"
    path = place / f"beside-{number}.yaml"
    path.write_text(yaml.safe_dump(made))
    return path


def _both(out: Path, manifests: list[Path], env: dict[str, str]) -> list[dict[str, Any]]:
    """Their results."""
    command = (*_CHAOSLAB, "run", "--no-prefect", "--out", str(out))
    started = [
        subprocess.Popen(
            [*command, str(each)], env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for each in manifests
    ]
    for each in started:
        each.wait()
    return [json.loads(path.read_text()) for path in sorted(out.glob("*/result.json"))]


def _told(turn: str, results: list[dict[str, Any]]) -> None:
    for each in results:
        late = {name: f"{(phase['lateness_p99_s'] or 0) * 1000:.1f} ms" for name, phase in _phases(each)}
        print(f"{turn}: {each['experiment']} {each['verdict']}, lateness p99 {late}", flush=True)


def _phases(result: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return list(result["load"].items())


@contextmanager
def _console(place: Path, env: dict[str, str]) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    command = [*_CHAOSLAB, "console", "--no-worker", "--out", str(place / "served")]
    with subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            url = next(line for line in process.stderr if line.startswith("console: "))
            yield process, url.removeprefix("console: ").strip()
        finally:
            process.send_signal(signal.SIGINT)


def _looked_at(url: str, console: "subprocess.Popen[str]") -> list[int]:
    """Look on until both runs end, and measure between the first and the last fault; events that each heard."""
    heard: list[int] = []
    with httpx.Client(base_url=f"{url}/api/v1", trust_env=False, timeout=60) as asking:
        while len(ids := [each["id"] for each in asking.get("/runs?state=live").json()["items"]]) < RUNS:
            time.sleep(0.2)
        looking = [
            threading.Thread(target=_look, args=(url, id, heard)) for id in ids for _ in range(VIEWERS)
        ]
        for each in looking:
            each.start()
        while {asking.get(f"/runs/{id}").json()["phase"] for id in ids} != {"fault"}:
            time.sleep(0.5)
    before, began = _busy_s(console.pid), time.monotonic()
    peak = 0.0
    while all(each.is_alive() for each in looking):
        time.sleep(0.5)
        took, lasted = _busy_s(console.pid) - before, time.monotonic() - began
        peak = max(peak, _megabytes(console.pid))
    print(
        f"the console: {100 * took / lasted:.1f} % of a core over {lasted:.0f} s, {peak:.0f} MB at most",
        flush=True,
    )
    for each in looking:
        each.join()
    return heard


def _look(url: str, id: str, heard: list[int]) -> None:
    with httpx.stream("GET", f"{url}/api/v1/runs/{id}/events", trust_env=False, timeout=120) as answer:
        heard.append(sum(line.startswith("event: ") for line in answer.iter_lines()))


def _busy_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
