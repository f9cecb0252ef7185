"""What is remembered between two syncs: all of it, or nothing."""

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.gitops.memory import SyncMemory
from chaos.gitops.wanted import DesiredDeployment

FULL = SyncMemory(
    "http://127.0.0.1:4200/api",
    "0" * 40,
    {
        "slow": DesiredDeployment(
            name="slow",
            path="experiments/slow.yaml",
            push_digest="sha256:1",
            spec_digest="sha256:1",
            hypothesis="It holds.",
        ),
        "last": DesiredDeployment(
            name="last",
            path="experiments/last.yaml",
            push_digest="sha256:2",
            spec_digest="sha256:2",
            hypothesis="So does it.",
            labels={"team": "payments"},
            cron="0 9 * * 1",
            timezone="Europe/Berlin",
            depends_on=("slow",),
        ),
    },
    frozenset({"a", "b"}),
    waiting=True,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "here.synced"
    FULL.save(file)
    return file


def test_what_was_saved_comes_back(file: Path) -> None:
    loaded = SyncMemory.load(file)
    assert replace(loaded, wanted=dict(loaded.wanted)) == FULL
    assert len(loaded.wanted) == 2


def test_the_commit_may_be_forgotten_without_reading_the_experiments(file: Path) -> None:
    replace(SyncMemory.load(file), commit="").save(file)
    assert replace(SyncMemory.load(file), commit=FULL.commit).wanted["last"] == FULL.wanted["last"]
    assert SyncMemory.load(file).commit == ""


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\n",
        b"{}",
        b"[]\n{}",
        b"\xff\n{}",
        b'{"api": "", "commit": "", "stalled": [], "waiting": false, "count": 1, "experiments": []}\n{}',
    ],
)
def test_anything_else_is_nothing(file: Path, broken: bytes) -> None:
    file.write_bytes(broken)
    assert SyncMemory.load(file) == SyncMemory()


def test_a_file_that_was_cut_or_changed_is_nothing(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert SyncMemory.load(file) == SyncMemory()
    file.write_bytes(whole.replace(b"sha256:1", b"sha256:3"))
    assert SyncMemory.load(file) == SyncMemory()
    file.unlink()
    assert SyncMemory.load(file) == SyncMemory()
