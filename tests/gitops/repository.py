"""A git repository to follow, made by the real git, with what honest and hostile authors put in."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

MANIFEST = """\
apiVersion: chaoslab/v1
kind: Experiment
metadata: {{name: {name}}}
spec:
  hypothesis: {name} holds.
  target:
    app: {app}
    processes: [{{name: web, command: [python3, web.py], port: 8000}}]
  steadyState:
    - {{name: up, probe: {{type: tcp, port: 8000, every: 50ms}}, tolerance: {{connected: true}}}}
  method:
    - {{name: kill, fault: {{type: process_kill, process: web}}, hold: {hold}}}
  phases: {{baseline: 1s, recovery: 1s}}
{more}"""


def manifest(name: str, *, hold: str = "1s", app: str = "apps/web", more: str = "") -> str:
    """A valid experiment; `more` is appended to its spec."""
    return MANIFEST.format(name=name, hold=hold, app=app, more=more)


@dataclass
class Repository:
    """A working copy; `commit` takes whatever is in it."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Repository":
        folder.mkdir(parents=True)
        repository = cls(folder)
        repository.git("init", "-q", "-b", "main")
        repository.write("experiments/apps/web/web.py", "print('web')\n")
        return repository

    def git(self, *arguments: str, data: bytes | None = None) -> str:
        who = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=data,
            capture_output=True,
            check=True,
            env=who | alone,
        )
        return done.stdout.decode().strip()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, entries: bytes) -> None:
        """Make a commit of a tree that git itself would refuse to make: raw entries, as in its object."""
        tree = self.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=entries)
        commit = self.git("commit-tree", tree, "-m", "hostile")
        self.git("update-ref", "refs/heads/main", commit)
