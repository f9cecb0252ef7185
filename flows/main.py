"""The `chaoslab` command: the library's command line, with Prefect as the conductor of `run` and its server's verbs."""

import sys
from typing import TYPE_CHECKING

import click

from chaos.cli import Conduct, ConductDay, Conductors, cli
from chaos.errors import ChaosLabError
from flows.verbs.gitops import gitops
from flows.verbs.halt import halt
from flows.verbs.resume import resume
from flows.verbs.serve import serve
from flows.verbs.sync import sync

if TYPE_CHECKING:
    from chaos.game_days.day import Day
    from chaos.measure.result import Result


async def _through_prefect(conduct: Conduct) -> "Result":
    from flows.run import conduct_with_prefect

    return await conduct_with_prefect(conduct)


async def _day_through_prefect(conduct: ConductDay) -> "Day":
    from flows.run import conduct_day_with_prefect

    return await conduct_day_with_prefect(conduct)


@cli.command()
def up() -> None:
    """Start the local Prefect server in the background, or say where it already runs."""
    from flows import server

    try:
        api = server.ensure_api(lambda line: click.echo(line, err=True))
    except ChaosLabError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    click.echo(f"Prefect UI: {api.ui_url}")


@cli.command()
def down() -> None:
    """End the local Prefect server; a configured one is left alone."""
    from flows import server

    click.echo("stopped" if server.down() else "no local Prefect server was running")


@cli.command()
def status() -> None:
    """Say which Prefect server `run` would use and whether it answers."""
    from flows import server

    now = server.status()
    url = now.configured or now.local
    if url is None:
        click.echo("no Prefect server: `chaoslab run` or `chaoslab up` starts a local one")
        return
    kind = "configured" if now.configured else f"local, pid {now.pid}, files in {now.folder}"
    click.echo(f"{url} ({kind}): {'answers' if now.answers else 'does not answer'}")
    sys.exit(0 if now.answers else 5)


cli.add_command(sync)
cli.add_command(serve)
cli.add_command(gitops)
cli.add_command(halt)
cli.add_command(resume)


def main() -> None:
    """Console script."""
    cli(obj=Conductors(flow=_through_prefect, day=_day_through_prefect))


if __name__ == "__main__":
    main()
