"""Names of deployments in Prefect, which has one namespace for all repositories. Pure.

`checkout` for who asked first; `checkout@shop-1f2e3d4c` for another repository that has a `checkout` too. An
experiment's own name has no `@`, so the first part always is the experiment. Once made, a deployment keeps its name.
"""

import hashlib
from pathlib import PurePosixPath

MARK = "@"
_MOST_LETTERS = 40


def scope_of(repository: str) -> str:
    """`shop-1f2e3d4c`: short, of lower-case letters, digits and dashes, and never the same for two repositories."""
    last = PurePosixPath(repository.replace(":", "/")).name.removesuffix(".git").lower()
    word = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in last).strip("-")
    return f"{word[:_MOST_LETTERS] or 'x'}-{hashlib.sha256(repository.encode()).hexdigest()[:8]}"


def scoped(experiment: str, repository: str) -> str:
    """The name of its deployment where the plain one is another repository's."""
    return f"{experiment}{MARK}{scope_of(repository)}"


def experiment_of(deployment: str) -> str:
    """The experiment, or game day, that a deployment of that name is of."""
    return deployment.partition(MARK)[0]
