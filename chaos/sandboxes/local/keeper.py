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
from chaos.sandboxes.support.runtime import runtime_dir

READY_WITHIN_S = 60.0
"""On a machine that is busy or slow; one that ended is known at once."""
_LONGEST = 107 - len("/box-12345678/control.sock")
"""Bytes of the runtime directory's path (unix(7), sun_path)."""
_SOURCE = Path(__file__).resolve().parents[3]


def new_folder() -> Path:
    """A directory for one more sandbox. Raises SandboxError."""
    where = runtime_dir()
    if len(os.fsencode(where)) > _LONGEST:
        raise SandboxError(
            f"{where} is too long for the sockets in it; set CHAOSLAB_RUNTIME_DIR to a path of at most {_LONGEST} bytes"
        )
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
