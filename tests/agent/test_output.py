"""What is kept of an app's output: through a real pipe, at the pace of its writer."""

import asyncio
import json
import os
from pathlib import Path

from chaos.agent.output import LINES_PER_S, Output, capture
from chaos.agent.record import Record
from chaos.events import Clock
from tests.agent.servers import run


def captured(folder: Path, written: bytes) -> tuple[Output, list[dict[str, object]]]:
    """What is known of a stream that ends, and the events of it."""
    journal = folder / "journal.ndjson"
    output = Output()

    async def read() -> None:
        heard, told = os.pipe()

        def write() -> None:
            with os.fdopen(told, "wb") as pipe:
                pipe.write(written)

        writing = asyncio.to_thread(write)
        reading = capture(
            "web", "stdout", os.fdopen(heard, "rb", buffering=0), output, Record(str(journal), Clock())
        )
        await asyncio.gather(writing, reading)

    run(read())
    return output, [json.loads(line) for line in journal.read_text().splitlines()]


def test_errors_in_a_flood_are_kept_and_every_line_is_counted(tmp_path: Path) -> None:
    chatter = [f'{{"level":"INFO","msg":"served","i":{i}}}' for i in range(5000)]
    for i in range(50):
        chatter.insert(i * 101, f'{{"level":"ERROR","msg":"payment {i} failed"}}')
    _, events = captured(tmp_path, "\n".join(chatter).encode())
    kept = [e["data"] for e in events if e["type"] == "log.captured"]
    left_out = [e["data"] for e in events if e["type"] == "log.left_out"]
    assert sum(each.get("level") == "error" for each in kept) == 50
    assert len(kept) + sum(each["lines"] for each in left_out) == 5050
    assert sum(each["errors"] for each in left_out) == 0
    assert LINES_PER_S <= len(kept) - 50 < 5000


def test_a_very_long_line_is_one_line_with_its_beginning(tmp_path: Path) -> None:
    _, events = captured(tmp_path, b"ERROR " + b"x" * 300_000 + b"\n\nafter")
    lines = [event["data"] for event in events]
    assert [(each["line"][:7], len(each["line"])) for each in lines] == [
        ("ERROR x", 4096),
        ("", 0),
        ("after", 5),
    ]


def test_the_cause_outlives_what_is_written_after_it(tmp_path: Path) -> None:
    noise = [f"npm notice {i}" for i in range(500)]
    text = [
        "Error: listen EADDRINUSE: address already in use :::80",
        "    at Server.listen (net.js:1:1)",
        *noise,
    ]
    output, _ = captured(tmp_path, "\n".join(text).encode())
    assert output.said == "npm notice 499"
    assert output.causes() == ["Error: listen EADDRINUSE: address already in use :::80"]
