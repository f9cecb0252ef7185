"""`chaoslab halt`: end every running experiment, here and on every machine of the same Prefect; refuse new ones."""

import getpass
import os
import socket
import sys
from time import monotonic

import click

from chaos import switch

_REASON_UP_TO = 500
"""Characters: a variable of Prefect holds 5,000."""


@click.command()
@click.option("--reason", default="", help="Goes into the result of every run that it ends.")
@click.option(
    "--wait",
    "patience_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="Seconds to wait for the runs that Prefect knows of.",
)
def halt(reason: str, patience_s: float) -> None:
    """The big red switch. Every running experiment undoes its fault and ends within seconds; none begins until
    `chaoslab resume`. This machine needs no server for that; other machines learn of it from Prefect."""
    began = monotonic()
    made = switch.halt(reason[:_REASON_UP_TO], _who())
    click.echo(f"this machine is {made}")
    from flows import switching  # only now: reading Prefect takes a second

    url = switching.api_in_use()
    if url is None:
        click.echo("there is no Prefect server, so no other machine to tell")
        return
    switching.turn_on(url, made)
    click.echo(f"every machine of {url} is, too")
    late = switching.until_ended(url, patience_s)
    if late:
        click.echo(f"still running after {patience_s:g} s: {', '.join(late)}", err=True)
        sys.exit(5)
    click.echo(f"none of its runs is under way, {monotonic() - began:.1f} s after the command")


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
