"""The mission's five scenarios by curl alone: docs/api.md's own lines, against a console with nothing set up before.

    python scripts/api_scenarios.py

A state folder and a port of its own, no key in the environment; both end with it. Exit code 0 when each had a verdict.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCENARIOS = 5
_STARTS = "console: "
_ENDS_WITHIN_S = 60.0
_KEPT = ("PATH", "LANG")


def main() -> int:
    """Serve, ask, and end."""
    (lines,) = re.findall(r"^```bash\n(.*?)^```", (ROOT / "docs/api.md").read_text(), re.M | re.S)
    with tempfile.TemporaryDirectory(prefix="chaoslab-scenarios-") as folder:
        env = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "HOME": folder,
            "CHAOSLAB_STATE_DIR": f"{folder}/state",
            "CHAOSLAB_RUNTIME_DIR": f"{folder}/boxes",
        }
        chaoslab = [sys.executable, "-m", "flows.main"]
        began = time.monotonic()
        console = subprocess.Popen(
            [*chaoslab, "console", "--out", f"{folder}/runs"],
            cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert console.stderr is not None
            url = (
                next(line for line in console.stderr if line.startswith(_STARTS))
                .removeprefix(_STARTS)
                .strip()
            )
            print(f"{url} after {time.monotonic() - began:.1f} s", flush=True)
            asked = ["bash", "-euo", "pipefail", "-c", lines]
            with subprocess.Popen(
                asked, env={**env, "CONSOLE": url}, stdout=subprocess.PIPE, text=True
            ) as curl:
                assert curl.stdout is not None
                found = 0
                for line in curl.stdout:
                    found += bool(re.match(r"\w+: (held|deviated|inconclusive): ", line))
                    print(f"{time.monotonic() - began:5.0f} s  {line}", end="", flush=True)
            return 0 if curl.returncode == 0 and found == SCENARIOS else 1
        finally:
            console.send_signal(signal.SIGINT)
            console.wait(_ENDS_WITHIN_S)
            subprocess.run([*chaoslab, "down"], cwd=ROOT, env=env, check=False)


if __name__ == "__main__":
    sys.exit(main())
