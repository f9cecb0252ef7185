"""Files and folders that are nobody else's to read: the state of this machine, and what runs leave behind.

The state folder and all below it is this user's alone (0700). The folder of a run is 0750 and its files 0640, less what
the umask takes: a group may be let in, everybody never is.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

FOLDER, FILE = 0o750, 0o640
_MINE = 0o700
_OTHERS = 0o077


def state_folder(folder: Path) -> Path:
    """Make a folder of this user's, and what is missing above it, with mode 0700; an older one is closed to others.

    Raises OSError.
    """
    _make(folder, _MINE)
    state = folder.stat()
    is_shared = state.st_mode & stat.S_ISVTX  # /tmp and its like, named by mistake
    if state.st_uid == os.geteuid() and state.st_mode & _OTHERS and not is_shared:
        with suppress(PermissionError):  # a file system that knows no modes
            folder.chmod(_MINE)
    return folder


def run_folder(folder: Path) -> None:
    """Make the new folder of a run, and what is missing above it. Raises OSError, FileExistsError when it is there."""
    _make(folder.parent, FOLDER)
    folder.mkdir(FOLDER)


def opener(path: str, flags: int) -> int:
    """For `open(…, opener=opener)`: a file that is made is no world's to read."""
    return os.open(path, flags | os.O_CLOEXEC, FILE)


def write_text(path: Path, text: str) -> None:
    """Write a file of a run; one that is there keeps its mode. Raises OSError."""
    with open(path, "w", encoding="utf-8", opener=opener) as file:
        file.write(text)


def _make(folder: Path, mode: int) -> None:
    """`mkdir(parents=True)` gives parents the umask's mode, whatever is asked for the last one."""
    if not folder.exists():
        _make(folder.parent, mode)
        folder.mkdir(mode, exist_ok=True)
