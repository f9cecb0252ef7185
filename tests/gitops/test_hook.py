"""The post-receive hook, run by a real push."""

import subprocess
from pathlib import Path

import pytest

from chaos.gitops.webhook.git_hook import HookError, install
from tests.gitops.repository import Repository


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    folder = tmp_path / "a bare one.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    return folder


def pushed(repository: Repository, bare: Path, ref: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(repository.folder), "push", str(bare), ref],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_a_push_of_the_branch_runs_the_command_and_shows_what_it_says(bare: Path, tmp_path: Path) -> None:
    repository = Repository.make(tmp_path / "work")
    repository.commit()
    command = ["sh", "-c", 'echo "said: $0, $WORD, git dir ${GIT_DIR-none}"', "it's quoted"]
    install(bare, command, "main", {"WORD": "a 'b' c"})
    assert "remote: said: it's quoted, a 'b' c, git dir none" in pushed(repository, bare, "main")
    assert "said" not in pushed(repository, bare, "main:other")


def test_ours_is_written_anew_and_another_s_is_left(bare: Path) -> None:
    install(bare, ["true"], "main", {})
    assert "false" in install(bare, ["false"], "main", {}).read_text()
    (bare / "hooks/post-receive").write_text("#!/bin/sh\necho theirs\n")
    with pytest.raises(HookError, match="another hook is there"):
        install(bare, ["true"], "main", {})


def test_what_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HookError, match="no git repository"):
        install(tmp_path, ["true"], "main", {})
