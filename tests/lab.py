"""A small repository with a real app in it, and `chaoslab` run on it as a person does: as a program."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chaos.analysis.result import Result
from chaos.events import Event
from chaos.runs.journal import Journal
from tests import leftovers

ROOT = Path(__file__).parents[1]
# A run of three seconds, on a machine that others load as well.
ENDS_WITHIN_S = 60.0
# After the controller has ended the sandbox has, too; the keeper's last steps may still be under way.
GONE_WITHIN_S = 10.0

SERVER = """
import http.server
class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Hello).serve_forever()
"""

WEB = {"name": "web", "command": ["python3", "-S", "server.py"], "port": 8000, "restart": "always"}
LOOK = {"type": "http", "url": "http://127.0.0.1:8000/", "every": "50ms", "timeout": "1s"}
HEALTHY = {"name": "healthy", "probe": LOOK, "tolerance": {"status": 200}, "holds": "afterwards"}
KILL = {"name": "sudden death", "fault": {"type": "process_kill", "process": "web"}, "hold": "1s"}
FILL = {"name": "full disk", "fault": {"type": "disk_full", "path": "/tmp", "leave": "1MiB"}, "hold": "1s"}


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> Result:
        """The one JSON document on standard output."""
        return Result.model_validate_json(self.out)

    def assert_explained(self, *words: str) -> None:
        """An error for people: the words, on standard error, and no traceback anywhere."""
        assert "Traceback" not in self.out + self.err, self.err
        for word in words:
            assert word in self.err, self.err


@dataclass
class Lab:
    """One repository, one directory for sandboxes, one for runs."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "app").mkdir()
        (self.folder / "app/server.py").write_text(SERVER)

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def boxes(self) -> Path:
        return self.folder / "boxes"

    def manifest(self, name: str = "one", /, *, process: Mapping[str, Any] = WEB, **spec: Any) -> Path:
        """Write one: an app of one process, killed for a second, with phases of a second. `spec` replaces parts."""
        setup = {"setup": spec.pop("setup")} if "setup" in spec else {}
        whole = {
            "hypothesis": "It is about the machinery, not about the app.",
            "sandbox": {"type": "local", "memory": "128MiB", "disk": "16MiB", "ttl": "2m"},
            "target": {"app": "app", "processes": [dict(process)], **setup},
            "steadyState": [HEALTHY],
            "method": [KILL],
            "phases": {"baseline": "1s", "recovery": "1s"},
            **spec,
        }
        document = {
            "apiVersion": "chaoslab/v1",
            "kind": "Experiment",
            "metadata": {"name": name},
            "spec": json.loads(json.dumps(whole)),
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CHAOSLAB_RUNTIME_DIR": str(self.boxes),
            **self.variables,
        }

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "flows.main", *map(str, arguments)]

    def run_command(self, *arguments: object) -> list[str]:
        return self.command("run", "--no-prefect", "--out", self.runs, *arguments)

    def start(self, command: Sequence[str], **how: Any) -> "subprocess.Popen[str]":
        """Start a command line, its output in pipes."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how
        return subprocess.Popen(command, text=True, cwd=ROOT, env=self.environment, **pipes)

    def chaoslab(self, *arguments: object) -> Ended:
        """Any command to its end."""
        return ended(self.start(self.command(*arguments)))

    def run(self, *arguments: object) -> Ended:
        """`chaoslab run` to its end."""
        return ended(self.start(self.run_command(*arguments)))

    def journal(self, experiment: str = "one") -> Path:
        """The journal of the one run of that experiment."""
        (path,) = self.runs.glob(f"*-{experiment}-*/journal.ndjson")
        return path

    def events(self, experiment: str = "one") -> list[Event]:
        return list(Journal(self.journal(experiment)).events())

    def until(self, type_: str, controller: "subprocess.Popen[str]", **data: object) -> None:
        """Wait for an event of that type, with that data, in the journal of a run that is under way."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while not any(_fits(event, type_, data) for event in self._so_far()):
            assert controller.poll() is None, controller.communicate()
            assert time.monotonic() < deadline, f"no {type_}"
            time.sleep(0.01)

    def _so_far(self) -> Iterator[Event]:
        for path in self.runs.glob("*/journal.ndjson"):
            yield from Journal(path).events()


def _fits(event: Event, type_: str, data: Mapping[str, object]) -> bool:
    return event.type == type_ and all(event.data.get(key) == value for key, value in data.items())


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Wait for a command's end."""
    try:
        out, err = process.communicate(timeout=ENDS_WITHIN_S)
    finally:
        process.kill()
    return Ended(process.returncode, out or "", err or "")


def plain(text: str) -> str:
    """Without the escape codes that move a terminal's cursor."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """A lab, after which nothing may be left on the machine."""
    before = leftovers.groups()
    made = Lab(folder)
    yield made
    leftovers.assert_none(made.boxes, before, GONE_WITHIN_S)


def interrupt(process: "subprocess.Popen[str]", number: int = signal.SIGINT) -> Ended:
    """Send a signal and wait for the end."""
    process.send_signal(number)
    return ended(process)


def folder_of(lab: Lab, experiment: str = "one") -> Path:
    """Of its run."""
    return lab.journal(experiment).parent


def result_of(lab: Lab, experiment: str = "one") -> Result:
    """As it was written there."""
    return Result.model_validate_json((folder_of(lab, experiment) / "result.json").read_bytes())


def long_one(lab: Lab) -> Path:
    """Each phase long enough to be interrupted in."""
    return lab.manifest(
        method=[{**FILL, "hold": "20s"}], phases={"baseline": "2s", "recovery": "20s"}, steadyState=[HEALTHY]
    )
