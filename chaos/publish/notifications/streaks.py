"""Streaks: how often in a row an experiment deviated on this machine; a small locked file for each.

A run is counted once, however often it is told of. What taught nothing (inconclusive, crashed, not injected) neither
counts nor ends a row.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from chaos.host.private import state_folder
from chaos.publish.notifications.notice import Notice


@dataclass(slots=True)
class Streak:
    """Of one experiment."""

    deviated: int = 0
    """So many in a row."""
    alerted: bool = False
    """Somebody has been called, or may have been, and not been told that it is over."""
    run_id: str = ""
    """Counted last."""

    def add(self, run_id: str, verdict: str) -> None:
        """One more run, unless it was counted."""
        if run_id != self.run_id:
            self.run_id = run_id
            self.deviated = self.deviated + 1 if verdict == "deviated" else 0


@contextmanager
def streak(folder: Path, notice: Notice) -> Iterator[Streak]:
    """The streak of a notice's experiment, this run counted; written when the block ends well. Raises OSError."""
    state_folder(folder)
    path = folder / f"{sha256(notice.name.encode(errors='surrogatepass')).hexdigest()[:32]}.json"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = _read(file)
        found.add(notice.run_id, str(notice.facts.get("verdict")))
        yield found
        body = json.dumps(asdict(found)).encode()
        os.pwrite(file, body, 0)
        os.ftruncate(file, len(body))
    finally:
        os.close(file)


def _read(file: int) -> Streak:
    """From nothing, too, and when somebody has spoilt it: then a row begins anew."""
    try:
        data = json.loads(os.pread(file, 4096, 0) or b"{}")
        found = Streak(**data)
        sound = type(found.deviated) is int and type(found.alerted) is bool and isinstance(found.run_id, str)
    except (ValueError, TypeError, RecursionError):
        return Streak()
    return found if sound and found.deviated >= 0 else Streak()
