"""Controllers to be killed: `python -m tests.sandboxes.controllers MANIFEST RUNS MANY` prints a pid each, and runs on.

Forked from one interpreter, which has read everything in: what is tested is their end, not how they begin.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import e2b  # noqa: F401  read in once for all of them

from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner.pipeline import Stages, carry_out
from chaos.runs.cancellation import Stop
from chaos.runs.directory import Run


def main() -> None:
    """Begin them, and wait for their ends."""
    manifest, runs, many = sys.argv[1:]
    drawn = plan(load(manifest)[0])
    pids = [_begin(drawn, Path(runs) / str(number)) for number in range(int(many))]
    print(json.dumps(pids), flush=True)
    for pid in pids:
        os.waitpid(pid, 0)


def _begin(drawn: object, runs: Path) -> int:
    pid = os.fork()
    if pid == 0:
        run = Run.new(drawn.name, runs)  # type: ignore[attr-defined]
        asyncio.run(carry_out(drawn, run, Stages(), Stop()))
        os._exit(0)
    return pid


if __name__ == "__main__":
    main()
