"""Options of repositories: the same for every verb that follows some."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chaos.errors import ChaosLabError

if TYPE_CHECKING:
    from chaos.gitops.decide import Action, SyncPolicy
    from chaos.gitops.repository.source import Source
    from flows.gitops.fast_path import Synced


@dataclass(frozen=True, slots=True)
class RepositoryOptions:
    """What the command line says."""

    repositories: Sequence[str]
    branch: str
    path: str
    require_signed: bool
    drift: str
    no_run: bool
    out: Path

    def sources(self) -> "list[Source]":
        """The repositories; the one that this directory belongs to when none is named. Raises ChaosLabError."""
        from chaos.gitops.repository.source import Source

        named = self.repositories or (str(_repository()),)
        return [Source.parse(each, self.branch, self.path, self.require_signed) for each in named]

    def policy(self, *, prune_all: bool = False) -> "SyncPolicy":
        """What is allowed."""
        from chaos.gitops.decide import SyncPolicy

        return SyncPolicy(heal=self.drift == "heal", prune_all=prune_all, run_on_push=not self.no_run)


_OPTIONS = (
    click.argument("repositories", nargs=-1),
    click.option("--branch", default="main", show_default=True, help="The branch to follow."),
    click.option("--path", default="experiments", show_default=True, help="The folder of manifests in it."),
    click.option("--require-signed", is_flag=True, help="Refuse a head without a good signature."),
    click.option(
        "--drift",
        type=click.Choice(["heal", "report"]),
        default="heal",
        show_default=True,
        help="What was changed by hand: undo it, or only report it.",
    ),
    click.option("--no-run", is_flag=True, help="Do not run what a push changed."),
    click.option(
        "--out",
        default="runs",
        type=click.Path(path_type=Path),
        show_default=True,
        help="Where run folders go.",
    ),
)


def of_repositories(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command those arguments; it takes them as its first one, an `RepositoryOptions`."""

    @wraps(command)
    def with_asked(**values: Any) -> None:
        asked = RepositoryOptions(
            **{name: values.pop(name) for name in RepositoryOptions.__dataclass_fields__}
        )
        command(asked, **values)

    for option in reversed(_OPTIONS):
        with_asked = option(with_asked)
    return with_asked


def log(line: str) -> None:
    """What happens, beside the results."""
    click.echo(line, err=True)


def log_action(action: "Action | Synced") -> None:
    """One action that was done, or what one look came to."""
    from flows.gitops.fast_path import Synced

    if isinstance(action, Synced):
        click.echo(_summary(action))
    else:
        click.echo(f"{action.kind:7} {action.name}: {action.why}")


def _summary(done: "Synced") -> str:
    at = f"{done.repository} at {done.commit[:12]}"
    stalled = f", {done.stalled} stalled" if done.stalled else ""
    if done.unchanged:
        return (
            f"{at}: nothing new{stalled}; `chaoslab status` says what"
            if stalled
            else f"{at}: in line already"
        )
    return f"{at}: {done.experiments} experiment(s), {len(done.actions)} action(s){stalled}"


def _repository() -> Path:
    """The repository that this directory belongs to. Raises ChaosLabError."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / ".git").exists():
            return folder
    raise ChaosLabError("this directory is in no git repository; name one: chaoslab sync REPOSITORY")
