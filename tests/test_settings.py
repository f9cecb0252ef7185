"""The environment, and the file that lists it."""

import re
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
