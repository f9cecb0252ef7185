"""Whether git tracks a file, asked of every repository around it without running anything that one names.

What a repository can name and git would run for a look at its index: a monitor of the file system, hooks, a transport
that fetches what a partial clone lacks. All are off, and so are the user's and the system's configuration and this
process's own `GIT_*`, which could lead to another index.
"""

import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

_WITHIN_S = 10.0
_AT_ONCE = 500
_SAFE = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "core.untrackedCache=false",
)


class UntoldError(Exception):
    """Nobody can say whether git tracks it; the message says why."""


def tracked(folder: Path, names: Collection[str]) -> frozenset[str]:
    """Those of `names`, relative to `folder`, that a repository around them has in its index.

    `folder` has no links in it. Upper and lower case are the same: they are on some disks. Raises UntoldError when a
    repository is there and its index cannot be read.
    """
    found: set[str] = set()
    for repository, those in _by_repository(folder, names):
        for first in range(0, len(those), _AT_ONCE):
            found |= _in_index(repository, folder, those[first : first + _AT_ONCE])
    return frozenset(found)


def repositories(folder: Path) -> list[Path]:
    """The folders around it, itself included, that have a `.git`; the nearest first."""
    return [each for each in (folder, *folder.parents) if os.path.lexists(each / ".git")]


def _by_repository(folder: Path, names: Collection[str]) -> Iterator[tuple[Path, Sequence[str]]]:
    """Each repository with the names below it: a file may lie in one that lies in another."""
    parents = {(folder / name).parent for name in names}
    around = {each: repositories(each) for each in parents}
    for repository in sorted({one for those in around.values() for one in those}):
        yield repository, [name for name in names if repository in around[(folder / name).parent]]


def _in_index(repository: Path, folder: Path, names: Sequence[str]) -> set[str]:
    given = {os.path.relpath(folder / name, repository): name for name in names}
    paths = [f":(top,literal,icase){path}" for path in given]  # git folds ASCII only: as it is written
    by_path = {path.lower(): name for path, name in given.items()}
    place = [f"--git-dir={repository / '.git'}", f"--work-tree={repository}"]
    command = ["git", "-C", str(repository), *place, *_SAFE, "ls-files", "-z", "--cached", "--", *paths]
    try:
        done = subprocess.run(
            command,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise UntoldError("git, which knows whether it tracks it, is not installed") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UntoldError(f"git cannot look at {repository / '.git'}") from error
    if done.returncode != 0:
        raise UntoldError(f"git cannot read the repository at {repository}")
    listed = os.fsdecode(done.stdout).split("\0")
    return {by_path[path.lower()] for path in listed if path.lower() in by_path}


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "none",
    }
