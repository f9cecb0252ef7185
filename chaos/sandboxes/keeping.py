"""The keeper of a local sandbox, seen from the host: start it, wait for its end, remove what a killed one left."""

import asyncio
import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError
from chaos.nsbox import cgroups
from chaos.nsbox.spec import BoxSpec

_READY_WITHIN_S = 20.0
_SOURCE = Path(__file__).resolve().parents[2]


def runtime_dir() -> Path:
    """Where the local sandboxes of this user live: CHAOSLAB_RUNTIME_DIR, else a private directory under /tmp."""
    configured = os.environ.get("CHAOSLAB_RUNTIME_DIR")
    folder = Path(configured) if configured else Path(tempfile.gettempdir()) / f"chaoslab-{os.geteuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SandboxError(f"cannot make {folder}: {error.strerror}; set CHAOSLAB_RUNTIME_DIR") from error
    if folder.stat().st_uid != os.geteuid():
        raise SandboxError(
            f"{folder} belongs to somebody else; set CHAOSLAB_RUNTIME_DIR to a directory of your own"
        )
    return folder


def new_folder() -> Path:
    """A directory for one more sandbox. Raises SandboxError."""
    where = runtime_dir()
    try:
        return Path(tempfile.mkdtemp(prefix="box-", dir=where))
    except OSError as error:
        raise SandboxError(f"cannot make a directory in {where}: {error.strerror}") from error


def start_keeper(spec: BoxSpec) -> dict[str, Any]:
    """Start the keeper detached and wait for its one line. Raises SandboxError, and then leaves nothing."""
    folder = Path(spec.folder)
    try:
        (folder / "spec.json").write_text(spec.to_json())
        keeper = _spawn(folder)
    except OSError as error:
        remove(folder)
        raise SandboxError(f"cannot start the keeper of {folder}: {error.strerror}") from error
    assert keeper.stdout is not None
    with keeper.stdout as stdout, selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        line = stdout.readline() if selector.select(_READY_WITHIN_S) else b""
    facts: dict[str, Any] = json.loads(line or b"{}")
    if "user_namespace" not in facts:
        why = facts.get("error") or _last_words(folder) or "its keeper did not answer"
        keeper.kill()
        keeper.wait()
        remove(folder)
        raise SandboxError(f"cannot open a local sandbox: {why}")
    keeper.returncode = 0  # it outlives us on purpose: not ours to wait for, nor to warn about
    return facts


def _spawn(folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "keeper.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-S", "-P", "-m", "chaos.nsbox", str(folder / "spec.json")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={"PYTHONPATH": str(_SOURCE), "PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )


def _last_words(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / "keeper.log").read_text().strip().rpartition("\n")[2]
    return ""


def orphans() -> Iterator[Path]:
    """Directories whose keeper is no more: what `gc` removes."""
    for folder in runtime_dir().glob("box-*"):
        with contextlib.suppress(FileNotFoundError):  # it has gone while we looked
            if not _is_kept(folder):
                yield folder


def _is_kept(folder: Path) -> bool:
    """Whether its keeper lives, or may still be starting."""
    try:
        keeper = json.loads((folder / "state.json").read_text())["keeper"]
    except (OSError, ValueError):
        return time.time() - folder.stat().st_mtime <= _READY_WITHIN_S
    return _is_keeper(keeper, folder)


def _is_keeper(pid: int, folder: Path) -> bool:
    try:
        return str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def remove(folder: Path) -> None:
    """End the keeper of `folder` if it still runs, and remove what it would have: control groups and the directory."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        keeper = json.loads((folder / "state.json").read_text())["keeper"]
        if _is_keeper(keeper, folder):
            os.kill(keeper, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):
        cgroups.Cgroup(parents=_groups(folder)).remove()
    shutil.rmtree(folder, ignore_errors=True)


def _groups(folder: Path) -> list[Path]:
    """The control groups of that sandbox which are still there: as its keeper wrote down, else where they would be."""
    name = f"chaoslab-{BoxSpec.from_json((folder / 'spec.json').read_text()).id}"
    found = [*cgroups.ROOT.glob(name), *cgroups.ROOT.glob(f"*/{name}")]
    with contextlib.suppress(OSError, ValueError):
        found += [Path(each) for each in json.loads((folder / "groups.json").read_text())]
    real = {path for path in found if path.is_dir() and path.resolve() == path}
    return [path for path in real if path.name == name and path.is_relative_to(cgroups.ROOT)]


async def ended(keeper: int, folder: Path, within_s: float) -> bool:
    """Wait until the keeper, whose end is the end of everything, is no more; reap it when it is our child."""
    try:
        descriptor = os.pidfd_open(keeper)
    except ProcessLookupError:
        return not folder.exists()
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    try:
        if _is_keeper(keeper, folder):
            loop.add_reader(descriptor, gone.set)
            async with asyncio.timeout(within_s):
                await gone.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(keeper, os.WNOHANG)
    return not folder.exists()
