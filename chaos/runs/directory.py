"""Run directory: the folder of one run and its files."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from chaos.errors import ChaosLabError
from chaos.host import private
from chaos.runs.journal import Journal
from chaos.text.inert import in_json


@dataclass(frozen=True, slots=True)
class Run:
    """`DIR/<run-id>/` with manifest.yaml, journal.ndjson, result.json, report.html, dashboard.json."""

    id: str
    folder: Path

    @classmethod
    def new(cls, experiment: str, out: Path) -> "Run":
        """Make the folder of a new run; ids sort by time. Raises ChaosLabError when that is not possible."""
        run_id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{experiment}-{secrets.token_hex(3)}"
        folder = out.absolute() / run_id
        try:
            private.run_folder(folder)
        except OSError as error:
            raise ChaosLabError(f"{folder}: cannot make the run's folder: {error.strerror}") from error
        return cls(run_id, folder)

    @property
    def journal(self) -> Journal:
        """All its facts."""
        return Journal(self.folder / "journal.ndjson")

    @property
    def result(self) -> Path:
        """What was learnt, for machines."""
        return self.folder / "result.json"

    def keep_result(self, text: str) -> None:
        """Write result.json: all of it, or none. Raises ChaosLabError."""
        try:
            write_whole(self.result, in_json(text) + "\n")
        except OSError as error:
            raise ChaosLabError(f"{self.result}: cannot write the result: {error.strerror}") from error

    def keep_agent_log(self, text: str) -> None:
        """What an agent that ended badly had to say, for whoever mends it. Raises ChaosLabError."""
        try:
            write_whole(self.folder / "agent.log", text + "\n")
        except OSError as error:
            raise ChaosLabError(f"{self.folder}: cannot write the agent's log: {error.strerror}") from error

    @property
    def manifest(self) -> Path:
        """What was run."""
        return self.folder / "manifest.yaml"

    @property
    def report(self) -> Path:
        """What was learnt, for people."""
        return self.folder / "report.html"

    @property
    def dashboard(self) -> Path:
        """The Grafana dashboard."""
        return self.folder / "dashboard.json"

    @property
    def delivered(self) -> Path:
        """How far its metrics have got."""
        return self.folder / "metrics.json"


def write_whole(path: Path, text: str) -> None:
    """Write a file of a run: all of it, or none. Raises OSError."""
    part = path.with_name(path.name + ".part")
    try:
        private.write_text(part, text)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
