"""One program in the background that outlives us, found and ended again without ever hurting another.

A pid alone is no identity: it is recycled. A record names the pid and the moment its process began (clock
ticks since boot, field 22 of /proc/<pid>/stat), and signals go through a pidfd that was opened before that
moment was compared.
"""

import json
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

from chaos.host.private import opener

_ERROR = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt|Exit|NotFound)(: |$)")


@dataclass(frozen=True, slots=True)
class Background:
    """A process that we started, and the port it was told to listen on."""

    pid: int
    began: int
    port: int

    @classmethod
    def start(
        cls, argv: Sequence[str], *, port: int, env: Mapping[str, str], cwd: Path, log: Path
    ) -> "Background":
        """Start it in a session of its own, so that no terminal's Ctrl-C or hang-up reaches it."""
        with open(log, "wb", opener=opener) as output:
            process = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.returncode = 0  # It is meant to outlive this object: no ResourceWarning about that.
        return cls(process.pid, _began(process.pid), port)

    @classmethod
    def load(cls, path: Path) -> "Background | None":
        """The recorded one, if it still runs."""
        try:
            found = cls(**json.loads(path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
        with found._pidfd() as pidfd:
            return None if pidfd is None else found

    def save(self, path: Path) -> None:
        """Record it, whole or not at all."""
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end; False when it still runs after that long."""
        with self._pidfd() as pidfd:
            if pidfd is None:
                return True
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            if not poll.poll(seconds * 1000):
                return False
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # Ours when we started it: leave no zombie that looks alive.
        return True

    def worked_s(self) -> float:
        """Processor time of its session's processes, with that of children they have reaped, in seconds (proc(5))."""
        ticks = 0
        for entry in Path("/proc").glob("[0-9]*"):
            fields = _stat(entry)
            if fields and int(fields[3]) == self.pid:
                ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def listens(self) -> bool:
        """Whether it, or a process of its session, is who listens on its port; another program may have been faster."""
        sockets = _listening(self.port)
        return any(
            link in sockets
            for entry in Path("/proc").glob("[0-9]*")
            if _session(entry) == self.pid
            for link in _open_files(entry)
        )

    def end(self, patience_s: float) -> None:
        """Ask it to end; insist after `patience_s`. Nothing happens when it has ended already."""
        self._signal(signal.SIGTERM)
        if not self.ended_within(patience_s):
            self._signal(signal.SIGKILL)
            self.ended_within(patience_s)

    def _signal(self, number: signal.Signals) -> None:
        with self._pidfd() as pidfd, suppress(ProcessLookupError):
            if pidfd is not None:
                signal.pidfd_send_signal(pidfd, number)

    @contextmanager
    def _pidfd(self) -> Iterator[int | None]:
        """A handle of exactly this process; None when it is gone, even if something else has its pid now."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield pidfd if _began(self.pid) == self.began else None
        finally:
            os.close(pidfd)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time; the kernel lets go when its holder dies."""
    with path.open("w") as file:
        flock(file, LOCK_EX)
        yield


def _began(pid: int) -> int:
    """When that process began, in clock ticks since boot; 0 when there is none, or only its zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="surrogateescape").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _listening(port: int) -> set[str]:
    """The sockets that listen on the port, as /proc names them (proc(5), state 0A)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port
    }


def _session(process: Path) -> int | None:
    fields = _stat(process)
    return int(fields[3]) if fields else None


def _stat(process: Path) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on; none when it is gone."""
    try:
        return (process / "stat").read_text(errors="surrogateescape").rpartition(")")[2].split()
    except OSError:
        return []


def _open_files(process: Path) -> Iterator[str]:
    try:
        for entry in (process / "fd").iterdir():
            with suppress(OSError):
                yield str(entry.readlink())
    except OSError:
        return


def last_words(log: Path) -> str:
    """The line of a program's log that says best why it ended: the last error that Python named, else the last line."""
    lines = [line.rstrip() for line in log.read_text(errors="replace").split("\n") if line.strip()]
    errors = (line for line in reversed(lines) if _ERROR.match(line))
    return next(errors, lines[-1].strip() if lines else "its log is empty")
