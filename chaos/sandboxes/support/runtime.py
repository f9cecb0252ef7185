"""Runtime directory: where this user's sandboxes of this machine, and what is counted of them, have their files."""

import contextlib
import os
import tempfile
from pathlib import Path

from chaos.errors import SandboxError


def runtime_dir() -> Path:
    """Where they are: CHAOSLAB_RUNTIME_DIR, else a private directory under /tmp.

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
