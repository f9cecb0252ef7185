"""SIGKILL for the controller, the keeper or the agent while a fault is in place, and what is left."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.machines.hogging import MANIFEST, hog_document
from tests.machines.leftovers import left, processes, us

CHAOSLAB = str(Path(sys.executable).parent / "chaoslab")
WHOM = ("controller", "keeper", "agent")
_BEGINS_WITHIN_S = 180.0
_ENDS_WITHIN_S = 90.0


def killed(whom: str, sandbox: str) -> dict[str, object]:
    """What is left afterwards by itself, and after `chaoslab gc`."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "hog.yaml")
        manifest.write_text(json.dumps(hog_document(sandbox)))
        shutil.copytree(MANIFEST.with_name("hog"), Path(folder, "hog"))
        run = subprocess.Popen(
            [CHAOSLAB, "run", "--no-prefect", "--out", folder, str(manifest)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            if not injected(Path(folder)):
                return {"refused": f"no fault was in place within {_BEGINS_WITHIN_S:g} s", "left": left(5)}
            victim = run.pid if whom == "controller" else pid_of(whom)
            if victim is None:
                return {"refused": f"no {whom} was found", "left": left(5)}
            os.kill(victim, signal.SIGKILL)
            code = run.wait(_ENDS_WITHIN_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait()
        began = time.monotonic()
        while left(0) and time.monotonic() < began + _ENDS_WITHIN_S:
            time.sleep(0.5)
        by_itself, after_s = left(0), round(time.monotonic() - began, 1)
        subprocess.run([CHAOSLAB, "gc"], capture_output=True, check=False, cwd=folder)
        return {"code": code, "gone_after_s": after_s, "before_gc": by_itself, "left": left(5)}


def injected(folder: Path) -> bool:
    """Wait until a fault is in place; False when none is in time."""
    deadline = time.monotonic() + _BEGINS_WITHIN_S
    while not any(b"fault.injected" in path.read_bytes() for path in folder.rglob("journal.ndjson")):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def pid_of(whom: str) -> int | None:
    """The one there is: a user has one run at a time in a guest."""
    mark = b"chaos.namespaces" if whom == "keeper" else b"/run/chaoslab/agent.pyz"
    found = (pid for pid, words in processes(us()) if any(mark in word for word in words[:8]))
    return min(found, default=None)  # the keeper's children have its command line
