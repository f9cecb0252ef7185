"""Somebody who looks at a run's stream over whatever happens to the line, and what a stream has to tell in all."""

import json
import queue
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from chaos.live.reading import JournalReader
from chaos.runs.journal import Journal
from flows.console.feeds import _plain as plain
from tests.flows.console.served import BASE


class Viewer:
    """Reads a run's stream and goes on where it was whenever it breaks, as a browser does."""

    def __init__(self, url: str, run_id: str, **headers: str) -> None:
        self.url, self.run_id, self.headers = url, run_id, headers
        self.found: dict[str, tuple[str, Any]] = {}
        self.repeated: list[str] = []
        self.came: queue.Queue[tuple[str, float]] = queue.Queue()
        """Kind, and when it was heard."""
        self.behind: dict[int, float] = {}
        """Index of a frame -> seconds from its moment to its being heard the first time."""
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self) -> None:
        last: str | None = None
        while not self.over.is_set():
            headers = self.headers | ({"Last-Event-ID": last} if last else {})
            try:
                with httpx.stream(
                    "GET",
                    f"{self.url}{BASE}/runs/{self.run_id}/events",
                    headers=headers,
                    timeout=60,
                    trust_env=False,
                ) as answer:
                    fields: dict[str, str] = {}
                    for line in answer.iter_lines():
                        name, _, value = line.partition(": ")
                        if line and name:
                            fields[name] = value
                        elif "event" in fields:
                            last = self._take(fields, last)
                            fields = {}
                            if self.over.is_set():
                                return
            except httpx.HTTPError:
                pass
            self.over.wait(0.1)

    def _take(self, fields: dict[str, str], last: str | None) -> str | None:
        id, kind = fields.get("id"), fields["event"]
        if kind == "end":
            self.over.set()
        if id is None:
            return last
        self.repeated += [id] if id in self.found else []
        data, now = json.loads(fields["data"]), time.time()
        self.found[id] = (kind, data)
        if kind == "frame":
            self.behind.setdefault(data["index"], now - data["at"])
        self.came.put((kind, now))
        return id


def projected(journal: bytes, tmp_path: Path) -> dict[str, Any]:
    """What a stream of that journal has to tell, in all."""
    path = tmp_path / "whole.ndjson"
    path.write_bytes(journal)
    reading = JournalReader(Journal(path))
    found = [*reading.look(), *reading.close()]
    return {f"{each.segment}:{number}": json.loads(json.dumps(plain(each))) for number, each in found}
