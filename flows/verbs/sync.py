"""`chaoslab sync`: bring Prefect in line with git repositories, once, or again and again."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.errors import ChaosLabError

if TYPE_CHECKING:
    from chaos.gitops.decide import Action
    from flows.reconcile import Synced


@click.command()
@click.argument("repositories", nargs=-1)
@click.option("--branch", default="main", show_default=True, help="Which branch to follow.")
@click.option("--path", default="experiments", show_default=True, help="The folder of manifests in it.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--watch",
    is_flag=True,
    help="Go on: look every --every seconds, and at everything every --sweep seconds.",
)
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds.")
@click.option(
    "--sweep", "sweep_s", default=300.0, show_default=True, type=click.FloatRange(min=1), help="Seconds."
)
@click.option(
    "--full", is_flag=True, help="Look at every deployment though nothing was pushed: finds changes by hand."
)
@click.option("--keep-drift", is_flag=True, help="Leave what was changed by hand.")
@click.option("--prune-all", is_flag=True, help="Let any share of the deployments go, even all.")
@click.option("--no-run", is_flag=True, help="Do not run what a push changed.")
@click.option("--require-signed", is_flag=True, help="Refuse a head without a good signature.")
@click.option(
    "--out", default="runs", type=click.Path(path_type=Path), show_default=True, help="Where run folders go."
)
def sync(
    repositories: Sequence[str],
    branch: str,
    path: str,
    out: Path,
    watch: bool,
    every: float,
    sweep_s: float,
    full: bool,
    dry_run: bool,
    keep_drift: bool,
    prune_all: bool,
    no_run: bool,
    require_signed: bool,
) -> None:
    """Bring Prefect's deployments in line with REPOSITORIES (paths or URLs; this directory's by default).

    Exit code 2 when a manifest is broken; all others are brought in line all the same.
    """
    from chaos.gitops.decide import Policy
    from chaos.gitops.source import Source
    from flows.following import Following, follow

    sources = [Source(each, branch, path, require_signed) for each in repositories or (str(_repository()),)]
    policy = Policy(heal=not keep_drift, prune_all=prune_all, run_on_push=not no_run)
    following = Following(
        sources, policy, out, dry_run=dry_run, full=full, every_s=every if watch else None, sweep_s=sweep_s
    )
    worst = asyncio.run(follow(following, _say, _tell))
    sys.exit(worst)


def _repository() -> Path:
    """The repository that this directory belongs to. Raises ChaosLabError."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / ".git").exists():
            return folder
    raise ChaosLabError("this directory is in no git repository; name one: chaoslab sync REPOSITORY")


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell(action: "Action | Synced") -> None:
    from flows.reconcile import Synced

    if isinstance(action, Synced):
        click.echo(_summary(action))
    else:
        click.echo(f"{action.kind:7} {action.name}: {action.why}")


def _summary(done: "Synced") -> str:
    at = f"{done.repository} at {done.commit[:12]}"
    if done.unchanged:
        return f"{at}: in line already"
    broken = f", {done.broken} broken file(s)" if done.broken else ""
    return f"{at}: {done.experiments} experiment(s), {len(done.actions)} action(s){broken}"
