"""The environment, and the file that lists it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.settings import Settings

EXAMPLE = Path(__file__).parents[1] / ".env.example"


def test_the_example_lists_every_variable_and_no_other() -> None:
    listed = re.findall(r"^([A-Z0-9_]+)=", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert {name.lower() for name in listed} == set(Settings.model_fields)


def test_the_example_as_it_is_means_the_embedded_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert not settings.prefect_api_url
    assert not (settings.groq_api_key and settings.groq_api_key.get_secret_value())


def test_a_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_planted")
    assert "gsk_planted" not in repr(Settings())


def test_what_cannot_be_read_is_said_by_the_variables_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GROQ_TIMEOUT_S=soon\n")
    command = [sys.executable, "-m", "flows.main", "schema"]
    root = {**os.environ, "PYTHONPATH": str(EXAMPLE.parent)}
    ended = subprocess.run(command, cwd=tmp_path, env=root, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("GROQ_TIMEOUT_S: Input should be a valid number")
    assert ended.stderr.count("\n") == 1
