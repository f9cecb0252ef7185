"""The agent's command line inside the sandbox.

`python -I -S agent.pyz FOLDER` carries out FOLDER/order.json and writes FOLDER/journal.ndjson.
`python -I -S agent.pyz capabilities FOLDER` prints as JSON which fault mechanisms work here.
`python -I -S agent.pyz behind-the-wall WISH COMMAND…` runs one command of the app's to its end, as its setup needs.
"""

import asyncio
import contextlib
import io
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any, TextIO

from chaos.agent.loop import exact_loop
from chaos.agent.record import Record
from chaos.agent.timeline import Timeline
from chaos.agent.wall import Wall, run_alone
from chaos.events import Clock
from chaos.nsbox import kernel
from chaos.secrecy import Masker, known
from chaos.signing import KEY_BYTES


def main() -> None:
    """Exit code 0 when the journal, or the printed JSON, tells the whole story."""
    if sys.argv[1] == "capabilities":
        from chaos.agent.capabilities import capabilities

        print(json.dumps(capabilities(Path(sys.argv[2]))))
        return
    if sys.argv[1] == "behind-the-wall":
        sys.exit(run_alone(json.loads(sys.argv[2]), sys.argv[3:]))
    wall = _begun()  # forks, so before there is any thread, and anything that the app's side should not hold
    key = _given()
    _go_first()
    folder = Path(sys.argv[1])
    order = json.loads((folder / "order.json").read_text())
    masker = Masker(known(order))
    sys.stderr = MaskedStream(sys.stderr, masker)  # it is agent.log, which the host keeps
    record = Record(str(folder / "journal.ndjson"), Clock(), key, masker=masker)
    kernel.not_dumpable()
    with asyncio.Runner(loop_factory=exact_loop) as runner:
        runner.run(_run(order, folder, record, wall))


def _begun() -> "Wall | OSError":
    try:
        return Wall.begin()
    except OSError as error:
        return error


def _given() -> bytes:
    """The key to sign with, from standard input; afterwards nothing is there any more, for us or any child."""
    key = b"" if os.isatty(0) else os.read(0, KEY_BYTES)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return key if len(key) == KEY_BYTES else b""


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


async def _run(order: dict[str, Any], folder: Path, record: Record, wall: "Wall | OSError") -> None:
    timeline = Timeline(order, folder, record, wall)
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
