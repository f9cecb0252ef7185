"""The keeper of a local sandbox, seen from the host: where it lives, and how it is started."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError
from chaos.namespaces.spec import BoxSpec
from chaos.sandboxes.local import ending
from chaos.sandboxes.local.ending import remove

READY_WITHIN_S = 60.0
"""On a machine that is busy or slow; one that ended is known at once."""
_SOURCE = Path(__file__).resolve().parents[3]


def runtime_dir() -> Path:
    """Where the local sandboxes of this user live: CHAOSLAB_RUNTIME_DIR, else a private directory under /tmp.

    It is ours, no link, and nobody else may come in. Raises SandboxError when that is not so and cannot be made so.
    """
    configured = os.environ.get("CHAOSLAB_RUNTIME_DIR")
    folder = Path(configured) if configured else Path(tempfile.gettempdir()) / f"chaoslab-{os.geteuid()}"
    remedy = "set CHAOSLAB_RUNTIME_DIR to a directory of your own"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        # What is looked at is what was opened, whoever changes names meanwhile: open(2), O_NOFOLLOW.
        opened = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        if folder.is_symlink():
            raise SandboxError(f"{folder} is a link, and might lead anywhere; {remedy}") from error
        raise SandboxError(f"cannot make {folder}: {error.strerror}; set CHAOSLAB_RUNTIME_DIR") from error
    try:
        seen = os.fstat(opened)
        if seen.st_uid != os.geteuid():
            raise SandboxError(f"{folder} belongs to somebody else; {remedy}")
        if seen.st_mode & 0o022:
            raise SandboxError(
                f"others may write to {folder}; remedy: look what is in it, then chmod 700 {folder}"
            )
        if seen.st_mode & 0o055:
            Path(f"/proc/self/fd/{opened}").chmod(0o700)
    finally:
        os.close(opened)
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
        line = stdout.readline() if selector.select(READY_WITHIN_S) else b""
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
            [sys.executable, "-S", "-P", "-m", "chaos.namespaces", str(folder / "spec.json")],
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


def orphans() -> list[Path]:
    """Directories of ours whose keeper is no more: what `gc` removes. Raises SandboxError."""
    return list(ending.orphans(runtime_dir(), READY_WITHIN_S))
