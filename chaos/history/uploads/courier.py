"""Brings one run to a console: its journal from where the console has it, then its other files, the result last.

The disk is the queue and the console's own offset is how far it got: whoever comes next, another thread or another
process, asks and goes on from there.
"""

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

from chaos import __version__
from chaos.history import files, origin
from chaos.history.errors import RunNotIndexed
from chaos.history.rows import DELIVERED, MOST_BYTES, RESULT
from chaos.history.uploads.client import Console, NotDelivered, Standing
from chaos.history.uploads.machine import fingerprint
from chaos.runs.directory import Run

PIECE = 2**20
"""More than the longest line."""
_AGAIN = 3
"""Times that a journal is sent from another offset than asked for, before something is wrong."""


class Courier:
    """Of one run to one console; for one thread. Methods raise NotDelivered."""

    def __init__(self, run: Run, console: Console) -> None:
        self.standing: Standing | None = None
        """None until the console has said so."""
        self.sent = 0
        self._run = run
        self._console = console
        self._offset = 0

    def open(self, within_s: float) -> Standing:
        """Say which run comes."""
        self.standing = self._console.open(self._run.id, _facts(self._run), within_s)
        self._offset = self.standing.offset
        return self.standing

    def look(self, within_s: float, *, over: bool = False) -> int:
        """Send one piece of what is new; how many bytes the console got. Half a line stays, unless it is over."""
        data = self._new(over=over)
        if not data:
            return 0
        before, self._offset = self._offset, self._console.send(self._run.id, self._offset, data, within_s)
        if self._offset not in (before, before + len(data)) and self._offset > self._size():
            raise NotDelivered("the console has another journal of this run", final=True)
        self.sent += max(0, self._offset - before)
        return max(0, self._offset - before)

    def finish(self, result: bytes | None, within_s: float) -> None:
        """The rest of the journal and all files; `result` in place of the one in the folder, last."""
        assert self.standing is not None
        if not self.standing.here:
            for name in DELIVERED:
                self._put(name, self._read(name), within_s)
            self._put(RESULT, result or self._read(RESULT), within_s)
        for _ in range(_AGAIN):
            self._rest(within_s)
            found = self._console.whole(self._run.id, self._size(), self._digest(), within_s)
            if found is None:
                return
            self._offset = found
        raise NotDelivered("the console does not get the journal as it is here")

    def _rest(self, within_s: float) -> None:
        assert self.standing is not None
        stuck = 0
        while not self.standing.here and self._new(over=True):
            stuck = 0 if self.look(within_s, over=True) else stuck + 1
            if stuck >= _AGAIN:
                raise NotDelivered("the console takes no more of the journal")

    def _put(self, name: str, data: bytes | None, within_s: float) -> None:
        assert self.standing is not None
        if data is None or self.standing.files.get(name) == hashlib.sha256(data).hexdigest():
            return
        self._console.put(self._run.id, name, data, within_s)
        self.sent += len(data)

    def _new(self, *, over: bool) -> bytes:
        try:
            with (
                files.opened(self._run.journal.path) as descriptor,
                open(descriptor, "rb", closefd=False) as file,
            ):
                file.seek(self._offset)
                data = file.read(PIECE)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise NotDelivered(f"{files.named(self._run.journal.path)}: {error.strerror}") from error
        whole = data[: data.rfind(b"\n") + 1]
        return whole or (data if over else b"")

    def _size(self) -> int:
        known = files.seen(self._run.journal.path)
        return known.bytes if known else 0

    def _digest(self) -> str:
        try:
            return files.sha256(self._run.journal.path)
        except RunNotIndexed as error:
            raise NotDelivered(str(error), final=True) from error

    def _read(self, name: str) -> bytes | None:
        try:
            return files.read(self._run.folder / name, MOST_BYTES)
        except RunNotIndexed as error:
            raise NotDelivered(str(error), final=True) from error


def _facts(run: Run) -> Mapping[str, Any]:
    came = origin.of(run.folder)
    return {
        "experiment": run.id[16:-7],
        "flow_run": came.flow_run,
        "folder": str(run.folder),
        "machine": platform.node(),
        "fingerprint": fingerprint(),
        "version": __version__,
    }
