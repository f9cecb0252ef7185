"""A worker elsewhere, without the time that a run takes: what a journal holds, written on command.

`python -m tests.flows.console.replaying OUT JOURNAL`: each line of its input is a number of lines to write, or `end`;
after that, `push`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from chaos.cli.history import history
from chaos.history import origin
from chaos.history.uploads.beside import elsewhere
from chaos.runner import stages
from chaos.runs.directory import Run


def lines_of(journal: Path, run_id: str) -> list[bytes]:
    """Its lines, as a run of that name would have written them."""
    first, *rest = journal.read_bytes().splitlines(keepends=True)
    begun = json.loads(first)
    begun["data"] |= {"run_id": run_id, "experiment": run_id[16:-7]}
    begun["data"]["plan"] |= {"run_id": run_id, "experiment": run_id[16:-7]}
    return [json.dumps(begun, separators=(",", ":")).encode() + b"\n", *rest]


async def main(out: Path, journal: Path) -> None:
    run = Run.new("shop", out)
    origin.note(run, started_by="terminal")
    lines = lines_of(journal, run.id)
    print(run.folder, len(lines), flush=True)
    async with elsewhere(run, lambda line: print("said", line, flush=True)) as delivery:
        while (asked := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in ("", "end"):
            run.journal.append_lines(b"".join(lines[: int(asked)]))
            del lines[: int(asked)]
            print("wrote", time.time(), flush=True)
        run.journal.append_lines(b"".join(lines) or b"")
        result = await asyncio.to_thread(stages.analyze, run)
        run.report.write_text("<p>report")
        began = time.monotonic()
        result = await delivery.conclude(result)
    said = {name: each.model_dump() for name, each in result.delivery.items()}
    print("ended", time.monotonic() - began, json.dumps(said), flush=True)
    while (await asyncio.to_thread(sys.stdin.readline)).strip() == "push":
        try:
            history.main(["push", str(run.folder)], standalone_mode=False)
        except SystemExit as ended:
            print("pushed", ended.code, run.result.read_text().count('"complete": true'), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
