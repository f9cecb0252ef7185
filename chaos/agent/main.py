"""The agent's command line inside the sandbox.

`python -I -S agent.pyz FOLDER` carries out FOLDER/order.json and writes FOLDER/journal.ndjson.
`python -I -S agent.pyz capabilities FOLDER` prints as JSON which fault mechanisms work here.
"""

import asyncio
import contextlib
import io
import json
import os
import platform
import sys
from pathlib import Path
from typing import TextIO

from chaos.agent.loop import exact_loop
from chaos.agent.record import Record
from chaos.agent.timeline import Timeline
from chaos.events import Clock
from chaos.secrecy import Masker, known


def main() -> None:
    """Exit code 0 when the journal, or the printed JSON, tells the whole story."""
    if sys.argv[1] == "capabilities":
        from chaos.agent.capabilities import capabilities

        print(json.dumps(capabilities(Path(sys.argv[2]))))
        return
    _go_first()
    folder = Path(sys.argv[1])
    order = json.loads((folder / "order.json").read_text())
    masker = Masker(known(order))
    sys.stderr = MaskedStream(sys.stderr, masker)  # it is agent.log, which the host keeps
    record = Record(str(folder / "journal.ndjson"), Clock(), masker)
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(_run(order, folder, record))


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


async def _run(order: dict[str, object], folder: Path, record: Record) -> None:
    timeline = Timeline(order, folder, record)
    record.emit(
        "agent.started",
        pid=os.getpid(),
        python=platform.python_version(),
        kernel=platform.release(),
        memory_limit_bytes=order["memory_limit_bytes"],
        memory_kind=timeline.memory_kind,
    )
    ending = await timeline.run()
    record.emit("agent.ended", outcome=ending.outcome, why=ending.why)
