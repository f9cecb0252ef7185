"""Which containers this user of this machine has made: a file each in the runtime directory, where nobody else writes.

A label alone is no proof: anybody who may speak to the engine can put it on a container of theirs.
"""

import contextlib
import re
import time
from pathlib import Path

from chaos.sandboxes.support.runtime import runtime_dir

_ID = re.compile(r"[0-9a-f]{12}")
_FORGOTTEN_AFTER_S = 86_400.0
"""After a container had to have ended: by then some `gc` has seen it."""


def name_of(id_: str) -> str:
    """As its engine knows it."""
    return f"chaoslab-{id_}"


def keep(id_: str, ends_at: float) -> None:
    """Before it is made. `ends_at`: Unix seconds. Raises SandboxError, OSError."""
    _folder().mkdir(mode=0o700, exist_ok=True)
    (_folder() / id_).write_text(f"{ends_at:.0f}")


def forget(id_: str) -> None:
    """It has gone."""
    if _ID.fullmatch(id_):
        (_folder() / id_).unlink(missing_ok=True)


def ours() -> set[str]:
    """The ids of all that may still be there. Raises SandboxError."""
    found = set()
    for file in _folder().glob("*"):
        if not _ID.fullmatch(file.name):
            continue
        with contextlib.suppress(OSError, ValueError):
            if time.time() > float(file.read_text()) + _FORGOTTEN_AFTER_S:
                file.unlink()
                continue
        found.add(file.name)
    return found


def _folder() -> Path:
    return runtime_dir() / "containers"
