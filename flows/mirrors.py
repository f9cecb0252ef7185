"""Where this machine keeps its copies of followed repositories, and the trees that runs were pinned to."""

import os
from pathlib import Path

from chaos.gitops.mirror import Mirror
from chaos.gitops.source import Source
from chaos.settings import Settings


def mirror_of(source: Source) -> Mirror:
    """This machine's copy of that repository."""
    token = Settings().chaoslab_git_token
    return Mirror(source, _state() / "repositories", token.get_secret_value() if token else None)


def trees() -> Path:
    """The folder of pinned trees, one a commit."""
    return _state() / "trees"


def _state() -> Path:
    own = Settings().chaoslab_state_dir
    if own is not None:
        return own.absolute()
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "chaoslab"
