"""`chaoslab sync`: bring Prefect in line with git repositories, once, or again and again."""

import gc
import sys
from typing import TYPE_CHECKING

import click

from chaos.cli.interrupts import run_until_interrupted
from flows.cli.repositories import RepositoryOptions, log, log_action, of_repositories

if TYPE_CHECKING:
    from chaos.gitops.repository.source import Source
    from flows.gitops.fast_path import Synced


@click.command()
@of_repositories
@click.option("--dry-run", is_flag=True, help="Print what would be done, and do nothing.")
@click.option(
    "--watch",
    is_flag=True,
    help="Keep running: sync every --every seconds, and read everything every --sweep seconds.",
)
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds.")
@click.option(
    "--sweep", "sweep_s", default=300.0, show_default=True, type=click.FloatRange(min=1), help="Seconds."
)
@click.option(
    "--full", is_flag=True, help="Read every deployment even if nothing was pushed: finds changes by hand."
)
@click.option("--prune-all", is_flag=True, help="Allow any share of the deployments to be removed, even all.")
def sync(
    asked: RepositoryOptions,
    watch: bool,
    every: float,
    sweep_s: float,
    full: bool,
    dry_run: bool,
    prune_all: bool,
) -> None:
    """Bring Prefect's deployments in line with REPOSITORIES (this directory's by default).

    Each is a directory or URL; URL#BRANCH:PATH for another branch and folder than the options say. Exit code 2
    if something is stalled, such as a broken manifest; everything else is synced.
    """
    sources = asked.sources()
    if not (watch or full or dry_run or prune_all) and (seen := _nothing_new(sources)):
        for one in seen:
            log_action(one)
        sys.exit(max(one.exit_code for one in seen))
    from flows.gitops.watcher import Following, follow

    following = Following(
        sources,
        asked.policy(prune_all=prune_all),
        asked.out,
        dry_run=dry_run,
        full=full,
        every_s=every if watch else None,
        sweep_s=sweep_s if watch else None,
    )
    worst = run_until_interrupted(follow(following, log, log_action))
    gc.freeze()  # or Python looks at all of Prefect once more before it ends
    sys.exit(worst)


def _nothing_new(sources: "list[Source]") -> "list[Synced]":
    """What is to be told when none of them has anything new; else nothing."""
    from flows.gitops.fast_path import nothing_new

    if len({source.name for source in sources}) < len(sources):
        return []  # What is wrong with that is told by whoever follows them.
    seen = [nothing_new(source) for source in sources]
    return [one for one in seen if one is not None] if None not in seen else []
