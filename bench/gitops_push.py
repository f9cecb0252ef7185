"""From `git push` to deployments that are right: a bare repository with our hook, a real Prefect server on SQLite.

    python -m bench.gitops_push [N]

Of N (20) pushes, each of one changed manifest among ten: the wall clock of the whole `git push`, whose hook has brought
Prefect in line before it returns (that is checked each time); the median and the worst. The peer is the same push to a
repository without a hook.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.gitops import CRON, serving
from tests.gitops.repository import Repository, manifest

CHAOSLAB = (sys.executable, "-m", "flows.main")
OTHERS = 9


def bare(folder: Path) -> Path:
    """An empty one."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", folder], check=True)
    return folder


def push(repository: Repository, to: Path) -> tuple[float, str]:
    """Seconds, and what was said."""
    began = time.monotonic()
    command = ["git", "-C", str(repository.folder), "push", str(to), "main"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.monotonic() - began, done.stderr


def main(pushes: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        repository = Repository.make(work / "repository")
        hooked, plain = bare(work / "hooked.git"), bare(work / "plain.git")
        for index in range(OTHERS):
            repository.write(f"experiments/e{index}.yaml", manifest(f"e{index}", more=CRON.format(index)))
        with serving(work / "ours") as side:
            command = [*CHAOSLAB, "gitops", "install-hook", str(hooked), "--out", str(work / "runs")]
            subprocess.run(command, check=True, capture_output=True, env=os.environ)
            took: list[float] = []
            without: list[float] = []
            for number in range(pushes + 1):
                repository.write("experiments/changes.yaml", manifest("changes", hold=f"{number + 1}s"))
                commit = repository.commit()
                without.append(push(repository, plain)[0])
                seconds, said = push(repository, hooked)
                took.append(seconds)
                found = side.deployments()
                assert len(found) == OTHERS + 1, said
                assert found["changes"]["labels"]["chaoslab.commit"] == commit, said
    first, *later = took
    middle, alone = statistics.median(later), statistics.median(without)
    print(f"the first push, of {OTHERS + 1} experiments: {first:.2f} s")
    print(f"push to deployments: median {middle:.2f} s, worst {max(later):.2f} s of {len(later)}")
    print(f"ratio: ours is {middle / alone:.0f} x a push without a hook ({alone:.3f} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
