"""Put a fault in place on a process of the test's, in a process of its own that the test can end with SIGKILL.

`python -m tests.faults.deadman FAULT PID GROUPS WORK`: FAULT is JSON, GROUPS names the control groups of the process,
WORK is the directory it was started in; either may be empty.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chaos.faults import FAULTS
from tests.faults.target import ROOT, LocalTarget

WITHIN_S = 1.0
"""How soon after the agent's SIGKILL a fault must be over that says that it ends with the agent."""


@contextmanager
def injected_elsewhere(
    fields: dict[str, Any], pid: int, groups: Path | None = None, work: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """The process that injected it, once the fault is in place."""
    argv = [
        sys.executable,
        "-m",
        "tests.faults.deadman",
        json.dumps(fields),
        str(pid),
        str(groups or ""),
        str(work or ""),
    ]
    injector = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
    assert injector.stdout is not None
    try:
        assert injector.stdout.readline() == b"in place\n"
        yield injector
    finally:
        injector.kill()
        injector.wait()
        injector.stdout.close()


def seconds_until(over: Callable[[], bool]) -> float:
    """How long it takes; AssertionError beyond a generous multiple of what is allowed."""
    began = time.monotonic()
    while not over():
        assert time.monotonic() - began < 5 * WITHIN_S, "the fault is still there"
        time.sleep(0.002)
    return time.monotonic() - began


def main() -> None:
    """Inject and hold until killed."""
    fields, pid = json.loads(sys.argv[1]), int(sys.argv[2])
    groups, work = (Path(word) if word else None for word in sys.argv[3:5])
    with LocalTarget(adopted={"app": pid}, groups=groups, beside=work) as target:
        fault = FAULTS[fields["type"]](**fields)
        with fault.inject(target) as injection:
            print("in place", flush=True)
            while not target.wait(injection.every_s):
                injection.observe()


if __name__ == "__main__":
    main()
