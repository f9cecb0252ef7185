"""A look that finds nothing new: without Prefect, and only where it is certain which API is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.gitops.memory import SyncMemory
from chaos.gitops.reading import read
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from flows.server.known_api import known_api
from tests.flows.conftest import environment
from tests.gitops.repository import Repository, manifest

NOBODY = "http://127.0.0.1:9/api"
"""A port at which nothing listens: whoever asks it fails."""
SYNC = "import sys; from flows.main import cli; cli(['sync', *sys.argv[1:]], standalone_mode=False)"
WITHOUT = (
    "import sys, atexit; atexit.register(lambda: print(sorted(m for m in sys.modules if m == 'prefect')));"
)


@pytest.fixture
def remembered(tmp_path: Path) -> Repository:
    """A repository that was brought in line with that API."""
    repository = Repository.make(tmp_path / "repository")
    repository.write("experiments/a.yaml", manifest("a"))
    repository.commit()
    mirror = Mirror(Source(str(repository.folder)), tmp_path / "repositories")
    commit = mirror.fetch()
    SyncMemory(f"{NOBODY}/", commit, read(mirror, commit).wanted).save(SyncMemory.file_of(mirror))
    return repository


def test_nothing_new_asks_nobody_and_does_not_import_prefect(remembered: Repository, tmp_path: Path) -> None:
    with environment(CHAOSLAB_STATE_DIR=str(tmp_path), PREFECT_API_URL=NOBODY):
        command = [sys.executable, "-c", WITHOUT + SYNC, str(remembered.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    said, modules, _ = done.stdout.split("\n")
    commit = remembered.git("rev-parse", "HEAD")
    assert said == f"{remembered.folder} at {commit[:12]}: in line already"
    assert modules == "[]"


@pytest.mark.parametrize(
    ("file", "text", "known"),
    [
        (".env", "GROQ_API_KEY=x\n", True),
        (".env", "PREFECT_API_URL=http://elsewhere/api\n", True),
        ("prefect.toml", "[api]\nurl = 'http://elsewhere/api'\n", True),
        ("pyproject.toml", "[tool.prefect.api]\nurl = 'http://elsewhere/api'\n", True),
        (".prefect/profiles.toml", "active = 'x'\n", True),
        (".prefect/profiles.toml", "[profiles.x]\nPREFECT_API_URL = 'http://elsewhere/api'\n", False),
    ],
)
def test_a_file_that_may_name_another_api_leaves_it_to_prefect(
    file: str, text: str, known: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("flows.server.known_api.local_url", lambda: NOBODY)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert known_api() == (NOBODY if known else None)
    monkeypatch.setenv("PREFECT_API_URL", "http://named/api")
    assert known_api() == "http://named/api"
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_PROFILE", "x")
    assert known_api() is None
