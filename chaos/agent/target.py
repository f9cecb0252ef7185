"""What a fault may touch, from inside: processes, memory, commands, helper processes, and the undo that always runs."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from chaos.agent.budget import Budget
from chaos.agent.commands import UNDER_WAY
from chaos.agent.helper import command as command_line
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.errors import FaultError, RecoveryError
from chaos.faults.linux.mounts import View

LINGERING: dict[int, subprocess.Popen[str]] = {}
"""Helpers that were let go, by pid: they end by themselves, at the latest when this process does."""

_BUNDLE = str(Path(__file__).parents[2])  # the zip inside a sandbox, the source tree in tests


class ChildHelper:
    """A helper process: see chaos.faults.support.base.Helper. A thread reads its lines, so `receive` can wait with a
    limit.
    """

    def __init__(self, child: subprocess.Popen[str], errors: Callable[[], str]) -> None:
        self.pid = child.pid
        self.lingers = False
        self._child = child
        self._errors = errors
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def receive(self, timeout_s: float) -> Mapping[str, Any] | None:
        """See Helper."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if line is None:
            self._lines.put(None)
            code = self._child.wait()
            raise FaultError(f"a helper ended with exit code {code}: {self._errors() or 'no message'}")
        message: dict[str, Any] = json.loads(line)
        if "failed" in message:
            raise FaultError(message["failed"])
        return message

    def send(self, message: Mapping[str, Any]) -> None:
        """See Helper."""
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(message) + "\n")
            self._child.stdin.flush()
        except OSError as error:
            raise FaultError(f"a helper has gone: {self._errors() or error}") from error

    def let_go(self) -> None:
        """See Helper."""
        self.lingers = True


class StepTarget:
    """The target as one step of the method sees it; lives in that step's thread."""

    def __init__(
        self,
        step: str,
        supervisor: Supervisor,
        record: Record,
        work: Path,
        seed: int,
        stopping: threading.Event,
        entrances: frozenset[int] = frozenset(),
    ) -> None:
        self.random = Random(seed)
        self.work = work
        self.memory: Budget = supervisor.budget
        self.view = View(supervisor.spawner.view_of)
        self.ends_at: float | None = None
        """Monotonic time at which the hold is over; set when the fault is in place."""
        self.samples: list[Mapping[str, Any]] = []
        """Every side-band sample of this step."""
        self._step = step
        self._supervisor = supervisor
        self._record = record
        self._stopping = stopping
        self._entrances = entrances

    def names(self) -> Sequence[str]:
        """See Target."""
        return list(self._supervisor.processes)

    def pids(self, process: str | None = None) -> Sequence[int]:
        """See Target."""
        return self._supervisor.pids(process)

    def main(self, process: str) -> int | None:
        """See Target."""
        known = self._supervisor.processes.get(process)
        return known.pid if known else None

    def port(self, process: str) -> int | None:
        """See Target."""
        return self._supervisor.processes[process].port

    def entrances(self) -> frozenset[int]:
        """See Target."""
        return self._entrances

    def looks(self) -> tuple[int, int]:
        """See Target."""
        return UNDER_WAY.begun, UNDER_WAY.now

    def run(self, *argv: str, timeout_s: float = 10.0) -> str:
        """See Target."""
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=True)
        except FileNotFoundError as error:
            raise FaultError(f"{argv[0]}: not in this sandbox") from error
        except subprocess.TimeoutExpired as error:
            raise FaultError(f"{_shown(argv)}: no end within {timeout_s} s") from error
        except subprocess.CalledProcessError as error:
            raise FaultError(
                f"{_shown(argv)}: {error.stderr.strip() or f'exit code {error.returncode}'}"
            ) from error
        return done.stdout

    @contextlib.contextmanager
    def undo(self, what: str, action: Callable[[], None]) -> Iterator[None]:
        """See Target."""
        try:
            yield
        finally:
            try:
                action()
            except (OSError, FaultError) as error:
                raise RecoveryError(f"could not undo {what}: {error}") from error

    @contextlib.contextmanager
    def helper(
        self,
        function: Callable[..., None],
        *,
        in_memory_limit: bool = False,
        env: Mapping[str, str] | None = None,
        **arguments: Any,
    ) -> Iterator[ChildHelper]:
        """See Target. The child also dies with this thread (PDEATHSIG), so with the agent."""
        command = command_line(sys.executable, _BUNDLE, f"{function.__module__}:{function.__qualname__}")
        errors_at = self.work / f"helper-{function.__name__}-{time.monotonic_ns()}.err"
        with errors_at.open("wb") as errors:
            child = subprocess.Popen(
                self.memory.wrap(command) if in_memory_limit else command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=env,
            )
        if in_memory_limit:
            self.memory.admit(child.pid)
        helper = ChildHelper(child, lambda: errors_at.read_text(errors="replace").strip().rpartition("\n")[2])
        try:
            helper.send(arguments)
            yield helper
        finally:
            if helper.lingers:
                LINGERING[child.pid] = child
            else:
                child.kill()
                child.wait()
                with contextlib.suppress(BrokenPipeError):
                    child.stdin.close()  # type: ignore[union-attr]

    def cgroup(self, controller: str) -> Path | None:
        """See Target."""
        return self.memory.group(controller)

    def outside(self) -> Sequence[int]:
        """See Target."""
        return self.memory.outside(self.pids())

    def ask(self, act: str, **details: Any) -> Path:
        """See Target."""
        answer = self.work / f"outside-{time.monotonic_ns()}.json"
        self._record.emit("outside.asked", step=self._step, act=act, answer=str(answer), **details)
        return answer

    def measured(self, **sample: Any) -> None:
        """See Target."""
        self.samples.append(sample)
        self._record.emit("fault.measured", step=self._step, **sample)

    def wait(self, seconds: float) -> bool:
        """See Target."""
        until = time.monotonic() + seconds
        if self.ends_at is not None:
            until = min(until, self.ends_at)
        self._stopping.wait(max(0.0, until - time.monotonic()))
        return self._stopping.is_set() or (self.ends_at is not None and time.monotonic() >= self.ends_at)


def _shown(argv: Sequence[str]) -> str:
    """A command for a message, without programs that are an argument."""
    return " ".join("…" if "\n" in word else word for word in argv)
