"""The `chaoslab` command: the library's command line, with Prefect as the executor of `run` and its server's verbs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli.main import Executors, cli
from chaos.errors import ChaosLabError
from flows.cli.console import console
from flows.cli.doctor import doctor
from flows.cli.gitops import gitops
from flows.cli.halt import halt
from flows.cli.resume import resume
from flows.cli.serve import serve
from flows.cli.status import status
from flows.cli.sync import sync

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.game_days.learnt import DayReport
    from chaos.game_days.planning import DayPlan
    from chaos.planning.plan import Plan
    from chaos.runner.observer import RunObserver


async def _through_prefect(plan: "Plan", out: Path, observer: "RunObserver") -> "Result":
    from flows.experiment.from_terminal import run_with_prefect  # nothing but `run` needs any of it

    result = await run_with_prefect(plan, out, observer)
    _tell_where_it_is_shown(result.run_id)
    return result


def _tell_where_it_is_shown(run_id: str) -> None:
    """The last line of `chaoslab run`, where a console is served on this machine."""
    from flows.console.running import address

    context = click.get_current_context(silent=True)
    if context is not None and (shown := address()):
        context.call_on_close(lambda: click.echo(f"  console {shown}/runs/{run_id}", err=True))


async def _day_through_prefect(
    plan: "DayPlan", out: Path, observer: "RunObserver", anytime: bool
) -> "DayReport":
    from flows.game_day.from_terminal import run_day_with_prefect  # nothing but `run` needs any of it

    return await run_day_with_prefect(plan, out, observer, anytime)


@cli.command()
def up() -> None:
    """Start the local Prefect server in the background, or print where it runs already."""
    from flows.server import api as server

    try:
        api = server.ensure_api(lambda line: click.echo(line, err=True))
        link = server.link()
    except ChaosLabError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    if link is not None:
        click.echo(f"opens it to your browser, once, within ten minutes: {link}")
    click.echo(f"Prefect UI: {api.ui_url}")


@cli.command()
def down() -> None:
    """Stop the local Prefect server; a configured one is not touched."""
    from flows.server import api as server

    click.echo("stopped" if server.down() else "no local Prefect server was running")


cli.add_command(console)
cli.add_command(doctor)
cli.add_command(sync)
cli.add_command(serve)
cli.add_command(status)
cli.add_command(gitops)
cli.add_command(halt)
cli.add_command(resume)


def main() -> None:
    """Console script."""
    cli(obj=Executors(experiment=_through_prefect, day=_day_through_prefect))


if __name__ == "__main__":
    main()
