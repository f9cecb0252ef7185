"""One order, carried out from its first event to its last: what is read after the warden was forked off."""

import asyncio
import contextlib
import io
import os
import sys
from pathlib import Path
from typing import TextIO

from chaos.agent.loop import exact_loop
from chaos.agent.record import Record
from chaos.agent.timeline import Timeline
from chaos.agent.wall import Wall
from chaos.events import Clock
from chaos.namespaces import kernel
from chaos.run_spec.model import RunSpec
from chaos.run_spec.secrets import known
from chaos.text.masker import Masker


def carry_out(order: RunSpec, folder: Path, key: bytes, wall: Wall | OSError) -> None:
    """Write the journal of it."""
    _go_first()
    masker = Masker(known(order))
    sys.stderr = MaskedStream(sys.stderr, masker)  # it is agent.log, which the host keeps
    record = Record(str(folder / "journal.ndjson"), Clock(), key, masker=masker)
    kernel.not_dumpable()
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(_run(order, folder, record, wall))


class MaskedStream(io.TextIOBase):
    """What Python itself writes of a failure, without the secrets that it may quote."""

    def __init__(self, stream: TextIO, masker: Masker) -> None:
        self._stream, self._masker = stream, masker

    def write(self, text: str) -> int:
        return self._stream.write(self._masker(text))

    def flush(self) -> None:
        self._stream.flush()


def _go_first() -> None:
    """Take the niceness we were started with for our session, where the kernel schedules by session (sched(7))."""
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(os.getpriority(os.PRIO_PROCESS, 0)))


async def _run(order: RunSpec, folder: Path, record: Record, wall: Wall | OSError) -> None:
    timeline = Timeline(order, folder, record, wall)
    record.emit(
        "agent.started",
        pid=os.getpid(),
        python=".".join(map(str, sys.version_info[:3])),
        kernel=os.uname().release,
        memory_limit_bytes=order.memory_limit_bytes,
        memory_kind=timeline.memory_kind,
    )
    ending = await timeline.run()
    record.emit("agent.ended", outcome=ending.outcome, why=ending.why)
