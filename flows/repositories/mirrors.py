"""Folders of mirrors and of pinned trees on this machine."""

from pathlib import Path

from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.repository.source import Source
from chaos.settings import Settings
from flows.server.local import state_folder


def mirror_of(source: Source) -> Mirror:
    """This machine's copy of that repository."""
    token = Settings().chaoslab_git_token
    return Mirror(source, copies(), token.get_secret_value() if token else None)


def copies() -> Path:
    """The folder of the copies, and of what is known of each."""
    return state_folder().parent / "repositories"


def trees() -> Path:
    """The folder of pinned trees, one a commit."""
    return state_folder().parent / "trees"
