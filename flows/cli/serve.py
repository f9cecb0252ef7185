"""`chaoslab serve`: run, on this machine, what is scheduled or requested."""

import signal
from pathlib import Path

import click

from chaos.cli.interrupts import Ended, run_until_interrupted


@click.command()
@click.option("--limit", default=2, show_default=True, type=click.IntRange(1, 100), help="Runs at a time.")
@click.option(
    "--out",
    default="runs",
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder of runs that have no manifest.",
)
def serve(limit: int, out: Path) -> None:
    """Run what is due in Prefect, until Ctrl-C: scheduled experiments, those that a push changed, and those
    that somebody starts in the UI. In addition, clean up after killed runs."""
    from flows.worker.serve import serve_until_stopped

    try:
        run_until_interrupted(serve_until_stopped(limit, out, lambda line: click.echo(line, err=True)))
    except Ended as ended:
        if ended.number != signal.SIGTERM:  # told to end, and it has
            raise
