"""The end of a local sandbox, made from the host: nothing inside is asked, and nothing that is not ours is touched.

keeper  ->  builder  ->  PID 1: the kernel ends each with the one before it, a stopped one as well. So the host kills
the builder, and the keeper cleans up; a keeper that does not is killed itself, and the host cleans up.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.namespaces import cgroups

_CLEANS_UP_WITHIN_S = 5.0
_DIES_WITHIN_S = 5.0
_NAME = re.compile(r"box-[a-z0-9_]{8}")
_ID = re.compile(r"[a-z0-9_]{8}-[0-9a-f]{6}")
_MOST_BYTES = 2**20
"""Of a file beside a sandbox."""


async def end(folder: Path, keeper: object) -> None:
    """End the sandbox whose directory and keeper these are, within some ten seconds, and remove what is left.

    `keeper` is a pid that somebody told us: it is ended only when it is the keeper of that directory, and ours.
    """
    if isinstance(keeper, int) and keeper > 1:
        await _end_keeper(keeper, folder)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(keeper, os.WNOHANG)  # when we have started it
    if folder.exists():
        await asyncio.to_thread(remove, folder)


async def _end_keeper(keeper: int, folder: Path) -> None:
    """It ends by itself when its builder does, and is killed when it does not."""
    try:
        descriptor = os.pidfd_open(keeper)
    except ProcessLookupError:
        return
    try:
        if not _is_keeper(keeper, folder):  # looked at while we hold it, so that nobody else gets its number
            return
        below = _children(keeper)
        _kill(below)
        if not below:  # not made yet, or a kernel that does not tell
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not await _gone(descriptor, _CLEANS_UP_WITHIN_S):
            _kill(_children(keeper))
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            await _gone(descriptor, _DIES_WITHIN_S)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


async def _gone(descriptor: int, within_s: float) -> bool:
    """Whether that process ends in time: pidfd_open(2)."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        async with asyncio.timeout(within_s):
            await gone.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True


def _children(parent: int) -> list[int]:
    """Of all its threads. Source: proc_pid_task(5), children."""
    found: list[int] = []
    for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, tasks.read_text().split())
    return found


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_ours(folder: Path) -> bool:
    """Whether it is a directory as we make them for sandboxes: by its name, no link, of this user."""
    try:
        seen = folder.lstat()
    except OSError:
        return False
    named = _NAME.fullmatch(folder.name) is not None
    return named and stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid()


def orphans(runtime: Path, starts_within_s: float) -> Iterator[Path]:
    """Directories of ours whose keeper is no more: what `gc` removes."""
    for folder in runtime.glob("box-*"):
        with contextlib.suppress(FileNotFoundError):  # it has gone while we looked
            if is_ours(folder) and not _is_kept(folder, starts_within_s):
                yield folder


def _is_kept(folder: Path, starts_within_s: float) -> bool:
    """Whether its keeper lives, or may still be starting."""
    keeper = _said(folder, "state.json", "keeper")
    if keeper is None:
        return time.time() - folder.lstat().st_mtime <= starts_within_s
    return _is_keeper(keeper, folder)


def _is_keeper(pid: object, folder: Path) -> bool:
    """Whether it is a process of this user that was started as the keeper of this directory."""
    if type(pid) is not int or pid <= 1:
        return False
    process = Path(f"/proc/{pid}")
    try:
        ours = process.stat().st_uid == os.geteuid()
        words = process.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    return ours and words[-3:] == [b"-m", b"chaos.namespaces", os.fsencode(folder / "spec.json")]


def remove(folder: Path) -> None:
    """End the keeper of `folder` if it still runs, and remove what it would have: control groups and the directory.

    A directory that is none of ours, by name, kind and owner, is left alone; so are groups that are not named as it is.
    """
    if not is_ours(folder):
        return
    keeper = _said(folder, "state.json", "keeper")
    if _is_keeper(keeper, folder):
        assert isinstance(keeper, int)
        _kill([*_children(keeper), keeper])
    id_ = _said(folder, "spec.json", "id")
    if isinstance(id_, str) and _ID.fullmatch(id_) and folder.name == f"box-{id_.partition('-')[0]}":
        with contextlib.suppress(OSError):
            groups = _groups(folder, f"chaoslab-{id_}")
            _empty(groups)
            groups.remove()
    shutil.rmtree(folder, ignore_errors=True)  # follows no links


def _empty(groups: cgroups.Cgroup) -> None:
    """End who is still in there: a PID 1 whose keeper and builder were killed while it was being made has no parent."""
    deadline = time.monotonic() + _DIES_WITHIN_S
    while (members := _members(groups)) and time.monotonic() < deadline:
        _kill(members)
        time.sleep(0.005)


def _members(groups: cgroups.Cgroup) -> list[int]:
    levels = (Path(level) for parent in groups.parents for level, _, _ in os.walk(parent))
    return [
        int(pid) for level in levels for pid in (level / "cgroup.procs").read_text().split() if pid != "0"
    ]


def _groups(folder: Path, name: str) -> cgroups.Cgroup:
    """The control groups of that name which are still there: where they would be, and where its keeper wrote down."""
    found = [*cgroups.ROOT.glob(name), *cgroups.ROOT.glob(f"*/{name}")]
    said = _read(folder, "groups.json")
    found += [Path(each) for each in said if isinstance(each, str)] if isinstance(said, list) else []
    real = dict.fromkeys(path for path in found if path.is_dir() and path.resolve() == path)
    ours = [path for path in real if path.name == name and path.is_relative_to(cgroups.ROOT)]
    return cgroups.Cgroup(parents=ours)


def _said(folder: Path, file: str, key: str) -> object:
    """What a file beside the sandbox says; None when it says nothing that can be read."""
    said = _read(folder, file)
    return said.get(key) if isinstance(said, dict) else None


def _read(folder: Path, file: str) -> object:
    try:
        with (folder / file).open("rb") as opened:
            return json.loads(opened.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
