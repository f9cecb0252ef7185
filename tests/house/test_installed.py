"""The wheel in an environment of its own: the command and the demo app that it brings end with a verdict."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.house.golden import ROOT
from tests.sandboxes.containers import PACKAGES

LOCKED = Path(sysconfig.get_path("purelib"))
MANIFEST = """\
apiVersion: chaoslab/v1
kind: Experiment
metadata: {name: packaged}
spec:
  hypothesis: Checkout answers within a second while its network is 100 ms slower.
  sandbox: {type: local, memory: 512MiB, disk: 64MiB}
  target:
    app: shop
    processes:
      - {name: inventory, command: [python3, inventory.py], port: 9000}
      - {name: web, command: [python3, web.py], port: 8000}
  load: {url: "http://127.0.0.1:8000/checkout", rate: 20/s}
  steadyState:
    - name: fast
      probe: {type: metric, metric: latency_p95}
      tolerance: {max: 1s}
  method:
    - name: slow network
      fault: {type: network_delay, delay: 100ms, process: web}
      hold: 3s
  phases: {baseline: 3s, recovery: 2s}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel in it. What it depends on is read from the locked one; the demo app's are copied,
    for a sandbox shows nothing else of this machine."""
    folder = tmp_path_factory.mktemp("installed")
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    [site] = (folder / "venv/lib").glob("python*/site-packages")
    for name in PACKAGES:
        for brought in (LOCKED / name, *LOCKED.glob(f"{name}-*.dist-info")):
            shutil.copytree(brought, site / brought.name)
    (site / "locked.pth").write_text(f"{LOCKED}\n")
    return folder / "venv"


def test_a_manifest_with_the_demo_app_of_the_wheel_ends_with_a_verdict(
    environment: Path, tmp_path: Path
) -> None:
    [shop] = environment.glob("lib/python*/site-packages/chaos/_shop")
    shutil.copytree(shop, tmp_path / "shop")
    (tmp_path / "packaged.yaml").write_text(MANIFEST)
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["chaoslab", "run", "packaged.yaml", "--no-prefect", "--out", "runs"],
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path), "CHAOSLAB_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    assert done.returncode in (0, 1, 3), done
    [result] = (json.loads(path.read_text()) for path in tmp_path.glob("runs/*/result.json"))
    assert result["outcome"] == "completed"
    assert result["verdict"] in ("held", "deviated", "inconclusive")
    assert [path for path in tmp_path.glob("runs/*/report.html")]
