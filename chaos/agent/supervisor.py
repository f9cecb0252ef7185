"""Keep the app's processes running as the manifest says, and write down what became of them."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from chaos.agent import procfs
from chaos.agent.budget import Budget
from chaos.agent.capture import Capture, Memory, lines
from chaos.agent.commands import until_exit
from chaos.agent.lineage import Lineage
from chaos.agent.record import Record
from chaos.agent.wall import Child, InTheOpen, Spawner
from chaos.run_spec.model import RunSpec

_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 5.0
_HEALTHY_AFTER_S = 10.0
_LINE_LIMIT = 64 * 1024
_LAST_WORDS_WITHIN_S = 0.2


@dataclass(slots=True)
class Supervised:
    """One process of the manifest and its present life."""

    name: str
    command: Sequence[str]
    port: int | None
    env: Mapping[str, str]
    restart: str
    cwd: str
    user: str = ""
    """Who it runs as, by name or id; root, or what its image says, when empty."""
    running: bool = False
    restarts: int = 0
    pid: int | None = None
    ended: str = ""
    """How its last life ended, in words; empty while it never did."""
    ended_well: bool = False
    """Whether one of its lives ended with exit code 0."""
    over: bool = False
    """It has ended and will not be started again."""
    memory: Memory = field(default_factory=Memory)
    """What it wrote last."""
    captures: "set[asyncio.Task[None]]" = field(default_factory=set)
    keeps_leftovers: bool = False
    """Whether what is left of its tree goes on when its main process is over."""
    lives: list[Lineage] = field(default_factory=list)
    """Its present life, after earlier ones of which something may be left."""
    left: tuple[str, ...] = ()
    """Names of what its last life left behind."""


class Supervisor:
    """Starts, watches, restarts (with doubling back-off: 0.1 s to 5 s, forgotten after 10 s of life)."""

    def __init__(self, order: RunSpec, record: Record, spawner: Spawner | None = None) -> None:
        self._record = record
        self._tasks: list[asyncio.Task[None]] = []
        self._ending = False
        self.processes = {
            entry.name: Supervised(
                name=entry.name,
                command=entry.command or (),
                port=entry.port,
                env=entry.values,
                restart=entry.restart,
                user=entry.user,
                cwd=str(Path(order.app, entry.cwd or ".")),
                keeps_leftovers=entry.leftovers == "keep",
            )
            for entry in order.processes
        }
        self.budget = Budget(order.memory_limit_bytes, self.pids)
        self.spawner = spawner or InTheOpen(self.budget.wrap)
        """Who starts processes of the app's: the supervisor's, and the commands of probes."""

    def trees(self, everyone: Mapping[int, procfs.Kin]) -> dict[str, list[int]]:
        """Live pids of each process: its main pid first, its descendants, then those that lost their parents."""
        return {name: _pids(each.lives, everyone) for name, each in self.processes.items()}

    def pids(self, process: str | None = None) -> list[int]:
        """Live pids of that process, or of all, main pids before their descendants."""
        everyone = procfs.everyone()
        chosen = [self.processes[process]] if process else list(self.processes.values())
        trees = [_pids(each.lives, everyone) for each in chosen]
        return [tree[0] for tree in trees if tree] + [pid for tree in trees for pid in tree[1:]]

    def watched(self) -> list[int]:
        """Live pids of the processes whose main process runs: not what earlier lives have left."""
        everyone, present = (
            procfs.everyone(),
            (each.lives[-1] for each in self.processes.values() if each.running),
        )
        return [pid for life in present for pid in life.pids(everyone)]

    async def start(self, name: str) -> None:
        """Start one process and keep it. Raises OSError when its command cannot be run."""
        process = self.processes[name]
        child = await self._spawn(process)
        self._tasks.append(asyncio.create_task(self._keep(process, child)))

    async def last_words(self, name: str) -> Memory:
        """What a process that has ended wrote last, once it can have been read."""
        process = self.processes[name]
        if process.captures:
            await asyncio.wait(process.captures, timeout=_LAST_WORDS_WITHIN_S)
        return process.memory

    async def end(self) -> None:
        """Kill every process with all of its tree, and wait for their last words."""
        self._ending = True
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=_LAST_WORDS_WITHIN_S)
            for task in late:  # a pause before a restart, or a pipe that somebody else still holds
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for life in [life for process in self.processes.values() for life in process.lives]:
            await life.end()
            life.close()

    async def _spawn(self, process: Supervised) -> Child:
        pipes = [os.pipe() for _ in range(2)]
        try:
            child = await self.spawner.spawn(
                process.command,
                cwd=process.cwd,
                env={"PYTHONUNBUFFERED": "1", **process.env},
                output=(pipes[0][1], pipes[1][1]),
                user=process.user,
            )
        except (OSError, asyncio.CancelledError):
            for heard, _ in pipes:
                os.close(heard)
            raise
        finally:
            for _, told in pipes:
                os.close(told)
        process.pid, process.running = child.pid, True
        process.lives.append(Lineage(child, self.spawner.view_of))
        self._record.emit("process.started", process=process.name, pid=child.pid, restarts=process.restarts)
        for stream, (heard, _) in zip(("stdout", "stderr"), pipes, strict=True):
            capture = asyncio.create_task(self._capture(process, stream, os.fdopen(heard, "rb", buffering=0)))
            capture.add_done_callback(process.captures.discard)
            process.captures.add(capture)
            self._tasks.append(capture)
        return child

    async def _keep(self, process: Supervised, child: Child) -> None:
        backoff_s = _FIRST_BACKOFF_S
        while True:
            born = time.monotonic()
            await until_exit(child.pid)
            ended_at = self._record.clock.now()
            process.running, process.pid = False, None
            try:
                if not self._ending:
                    await self._leave(process)
            finally:
                code = (
                    child.wait()
                )  # not before: until then its number, and so its session's, is nobody else's
            if time.monotonic() - born > _HEALTHY_AFTER_S:
                backoff_s = _FIRST_BACKOFF_S
            if self._ending:
                return
            process.ended = _how(code)
            process.ended_well = process.ended_well or code == 0
            again = process.restart == "always" or (process.restart == "on-failure" and code != 0)
            self._record.emit(
                "process.exited",
                ended_at,
                process=process.name,
                pid=child.pid,
                exit_code=code if code >= 0 else None,
                signal=process.ended if code < 0 else None,
                restart_in_s=backoff_s if again else None,
            )
            if not again:
                process.over = True
                return
            child, backoff_s = await self._start_again(process, backoff_s)

    async def _leave(self, process: Supervised) -> None:
        """What is left of the tree is ended with its main process, as of a container or a unit; or kept, and said."""
        life = process.lives[-1]
        life.over = True
        left = alive = life.left()
        if left and not process.keeps_leftovers:
            alive = await life.end()
        if not alive:
            process.lives.remove(life)
            life.close()
        process.left = tuple(sorted(set(left.values())))
        if left and not self._ending:
            self._record.emit(
                "process.left",
                process=process.name,
                pid=life.main,
                names=process.left,
                processes=len(left),
                alive=len(alive),
                kept=process.keeps_leftovers,
            )

    async def _start_again(self, process: Supervised, pause_s: float) -> tuple[Child, float]:
        """A new life after the pause, and the next pause; what cannot be started is tried again, ever later."""
        await asyncio.sleep(pause_s)
        process.restarts += 1
        while True:
            pause_s = min(pause_s * 2, _LONGEST_BACKOFF_S)
            try:
                return await self._spawn(process), pause_s
            except OSError as error:
                why = f"{error.filename or process.command[0]}: {error.strerror}"
                self._record.emit("process.failed", process=process.name, why=why, restart_in_s=pause_s)
            await asyncio.sleep(pause_s)

    async def _capture(self, process: Supervised, stream: str, pipe: IO[bytes]) -> None:
        """Journal the app's output by line; see `chaos.agent.capture`."""
        reader = asyncio.StreamReader(limit=_LINE_LIMIT)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        with contextlib.closing(transport):
            capture = Capture(process.name, stream, self._record.emit, process.memory)
            try:
                await self._capture_lines(capture, reader)
            finally:
                capture.end()

    async def _capture_lines(self, capture: Capture, reader: asyncio.StreamReader) -> None:
        async for line in lines(reader, _LINE_LIMIT):
            capture.line(self._record.masked(line.decode(errors="replace"))[:4096])


def _pids(lives: Sequence[Lineage], everyone: Mapping[int, procfs.Kin]) -> list[int]:
    """The present life's before what is left of earlier ones."""
    return [pid for life in reversed(lives) for pid in life.pids(everyone)]


def _how(code: int) -> str:
    """How a process ended: the name of its signal, or its exit code."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:  # one of the real-time signals between the two that have names
        return f"signal {-code}"
