"""A double of Groq's API, and settings that lead to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from chaos.settings import Settings
from tests.doubles.groq import KEY, Double
from tests.doubles.groq import groq as double


@pytest.fixture
def groq() -> Iterator[Double]:
    with double() as started:
        yield started


@pytest.fixture
def settings(groq: Double, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        groq_api_key=SecretStr(KEY),
        groq_base_url=groq.url,
        groq_model="openai/gpt-oss-120b",
        chaoslab_state_dir=tmp_path / "state",
    )
