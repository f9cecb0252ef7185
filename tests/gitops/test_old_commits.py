"""A commit that a run was pinned to is brought here from a git server that gives only what its branches are at."""

import os
import shlex
from pathlib import Path

import pytest

from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from tests.gitops.repository import Repository, manifest


@pytest.fixture
def over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of repositories behind an sshd that lets no GIT_PROTOCOL through: git speaks protocol 0 there."""
    programs, served = tmp_path / "programs", tmp_path / "served"
    programs.mkdir()
    ssh = programs / "ssh"
    ssh.write_text(f'#!/bin/bash\nunset GIT_PROTOCOL\ncd {shlex.quote(str(served))} && eval "${{!#}}"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return served


def mirror_of(served: Path, folder: Path) -> Mirror:
    return Mirror(Source(f"ssh://git@git.example{served}/repository"), folder)


def pushed(repository: Repository, commits: int) -> list[str]:
    made = []
    for number in range(commits):
        repository.write("experiments/a.yaml", manifest("a", hold=f"{number + 1}s"))
        repository.commit()
        made.append(repository.git("rev-parse", "HEAD"))
    return made


def test_an_older_commit_of_the_branch_or_of_another(over_ssh: Path, tmp_path: Path) -> None:
    repository = Repository.make(over_ssh / "repository")
    old, head = pushed(repository, 2)
    mirror = mirror_of(over_ssh, tmp_path / "mirrors")
    assert mirror.fetch() == head
    pushed(repository, 1)  # nobody has fetched that
    repository.git("checkout", "-q", "-b", "aside", old)
    beside, _ = pushed(repository, 2)
    assert not mirror.has(old)
    for commit in (old, beside):
        mirror.fetch_commit(commit)
        assert mirror.has(commit)
    assert mirror.fetched() == head


def test_one_that_is_nowhere_any_more_says_what_to_do(over_ssh: Path, tmp_path: Path) -> None:
    repository = Repository.make(over_ssh / "repository")
    first, gone = pushed(repository, 2)
    repository.git("reset", "-q", "--hard", first)
    pushed(repository, 1)
    with pytest.raises(GitError, match=f"{gone[:12]} is in no branch and no tag any more.*push a tag of it"):
        mirror_of(over_ssh, tmp_path / "mirrors").fetch_commit(gone)
