"""`chaoslab console`: experiments over HTTP, from this machine's browser and by tokens from elsewhere."""

import signal
from pathlib import Path

import click

from chaos.cli.interrupts import Ended, run_until_interrupted
from flows.cli.console_tokens import token


@click.group(invoke_without_command=True)
@click.option(
    "--host", default="127.0.0.1", envvar="BACKEND_HOST", show_default=True, help="Where it listens."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), envvar="BACKEND_PORT", help="The first free one from 8000 on."
)
@click.option(
    "--read-only", is_flag=True, help="Show everything, change nothing; the kill switch still works."
)
@click.option(
    "--worker/--no-worker", default=True, show_default=True, help="Also run experiments on this machine."
)
@click.option(
    "--limit", default=2, show_default=True, type=click.IntRange(1, 100), help="Its runs at a time."
)
@click.option(
    "--out",
    default="runs",
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder of the worker's runs that have no manifest.",
)
@click.pass_context
def console(
    context: click.Context, host: str, port: int | None, read_only: bool, worker: bool, limit: int, out: Path
) -> None:
    """Serve the REST API and its pages until Ctrl-C. Needs no key, and on the loopback no login."""
    if context.invoked_subcommand is not None:
        return
    from flows.console.serving import Wanted, serve

    wanted = Wanted(host, port, read_only, worker, out, limit)
    try:
        run_until_interrupted(serve(wanted, lambda line: click.echo(line, err=True)))
    except Ended as ended:
        if ended.number != signal.SIGTERM:  # told to end, and it has
            raise


console.add_command(token)
