"""Kill the controller with SIGKILL at any moment: nothing is left on the machine, the journal up to then is whole."""

import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chaos.runs.journal import Journal
from tests import leftovers

ROOT = Path(__file__).parents[2]
MOMENTS = 10
AT_ONCE = 2
# The sandbox's own lease is 30 s; its keeper needs a moment more to clean up on a busy machine.
ALL_GONE_WITHIN_S = 120.0

MANIFEST = """
apiVersion: chaoslab/v1
kind: Experiment
metadata: {name: killed-controller}
spec:
  hypothesis: It is about the controller, not about the app.
  sandbox: {type: local, memory: 128MiB, disk: 16MiB, ttl: 10m}
  target:
    app: app
    processes:
      - {name: web, command: [python3, -S, -m, http.server, "8000"], port: 8000, restart: always}
  load: {url: "http://127.0.0.1:8000/", rate: 20/s, timeout: 1s}
  steadyState:
    - name: healthy
      probe: {type: http, url: "http://127.0.0.1:8000/", every: 50ms, timeout: 1s}
      tolerance: {status: 200}
      holds: afterwards
      recoverWithin: 1s
  method:
    - {name: fill it, fault: {type: disk_full, path: /tmp, leave: 1MiB}, hold: 1s}
    - {name: kill it, fault: {type: process_kill, process: web}, hold: 1s}
  phases: {baseline: 1s, recovery: 2s}
  blastRadius: {maxHold: 1m}
"""


def test_nothing_is_left_and_the_journals_read_cleanly(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    manifest = tmp_path / "killed.yaml"
    manifest.write_text(MANIFEST)
    runtime = tmp_path / "boxes"
    before = leftovers.groups()
    draw = random.Random(20)
    moments = [draw.uniform(0.1, 6.0) for _ in range(MOMENTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = [
            pool.submit(
                killed_after, moment, manifest, tmp_path / str(number), runtime, under_way=number % 2 == 1
            )
            for number, moment in enumerate(moments)
        ]
    assert sum(code.result() == -9 for code in codes) >= MOMENTS // 2

    leftovers.assert_none(runtime, before, ALL_GONE_WITHIN_S)

    journals = list(tmp_path.glob("*/*/journal.ndjson"))
    assert journals
    for path in journals:
        events = list(Journal(path).events())
        assert events[0].type == "run.started"


def killed_after(moment_s: float, manifest: Path, out: Path, runtime: Path, under_way: bool) -> int:
    """Start a run and kill its controller so long after its start, or after its journal began: its exit code."""
    command = [sys.executable, "-m", "flows.main", "run", "--no-prefect", "--out", str(out), str(manifest)]
    environment = {"CHAOSLAB_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin:/bin", "HOME": str(out.parent)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment) as controller:
        while under_way and controller.poll() is None and not list(out.glob("*/journal.ndjson")):
            time.sleep(0.005)
        try:
            return controller.wait(moment_s)
        except subprocess.TimeoutExpired:
            controller.kill()
            return controller.wait()
