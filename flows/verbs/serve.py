"""`chaoslab serve`: carry out, on this machine, the runs that are scheduled or asked for."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable


@click.command()
@click.option("--limit", default=2, show_default=True, type=click.IntRange(1, 100), help="Most runs at once.")
@click.option(
    "--out",
    default="runs",
    type=click.Path(path_type=Path),
    show_default=True,
    help="Where the folders of runs without a manifest go.",
)
def serve(limit: int, out: Path) -> None:
    """Run what Prefect has for us, until Ctrl-C: scheduled experiments, those that a push changed, and those that
    somebody starts in the UI. Beside that, clean up what killed runs left behind."""
    with contextlib.suppress(asyncio.CancelledError):  # told to end by SIGTERM, and it has
        asyncio.run(_serve(limit, out, lambda line: click.echo(line, err=True)))


async def _serve(limit: int, out: Path, say: "Callable[[str], None]") -> None:
    from flows.serving import serve_until_stopped

    serving = asyncio.ensure_future(serve_until_stopped(limit, out, say))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    await serving
