"""Verdicts as git notes, pushed to where the commit came from."""

from pathlib import Path

import pytest

from chaos.gitops.repository import notes
from chaos.gitops.repository.git import GitError
from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from tests.gitops.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "repository")


def mirror(repository: Repository, folder: Path) -> Mirror:
    return Mirror(Source(str(repository.folder)), folder)


def test_lines_add_up_though_two_machines_write_them(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit()
    one, two = mirror(repository, tmp_path / "one"), mirror(repository, tmp_path / "two")
    notes.note(one, commit, "a: Held (run-1)")
    notes.note(two, commit, "b: Deviated (run-2)")
    notes.note(one, commit, "c: Held (run-3)")
    assert notes.notes(two, commit) == ["a: Held (run-1)", "b: Deviated (run-2)", "c: Held (run-3)"]
    assert "b: Deviated" in repository.git("log", "--notes=chaoslab", "-1")


def test_a_commit_without_a_note_has_none(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit()
    assert notes.notes(mirror(repository, tmp_path / "m"), commit) == []
    notes.note(mirror(repository, tmp_path / "m"), commit, "a: Held")
    assert notes.notes(mirror(repository, tmp_path / "m"), repository.commit()) == []


def test_the_repository_s_hooks_do_not_run(repository: Repository, tmp_path: Path) -> None:
    commit, mark = repository.commit(), tmp_path / "ran"
    for hook in ("pre-receive", "update", "post-receive", "post-update"):
        repository.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch {mark}\n")
        (repository.folder / f".git/hooks/{hook}").chmod(0o755)
    notes.note(mirror(repository, tmp_path / "m"), commit, "a: Held")
    assert not mark.exists()


def test_a_repository_that_takes_no_pushes_says_so(repository: Repository, tmp_path: Path) -> None:
    commit = repository.commit()
    repository.git("config", "receive.denyCurrentBranch", "refuse")
    repository.git("config", "transfer.hideRefs", "refs/notes")
    with pytest.raises(GitError, match="push"):
        notes.note(mirror(repository, tmp_path / "m"), commit, "a: Held")
