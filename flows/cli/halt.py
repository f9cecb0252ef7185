"""`chaoslab halt`: end every running experiment, here and on every machine of the same Prefect; refuse new ones."""

import getpass
import os
import socket
import sys
from time import monotonic, sleep

import click

_REASON_UP_TO = 500
"""Characters: a variable of Prefect holds 5,000."""
_LOOK_EVERY_S = 0.05


@click.command()
@click.option("--reason", default="", help="Written into the result of every run that it ends.")
@click.option(
    "--wait",
    "patience_s",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 600),
    help="Seconds to wait until every run has ended.",
)
def halt(reason: str, patience_s: float) -> None:
    """The kill switch. Every running experiment undoes its fault and ends within seconds, and none starts
    until `chaoslab resume`. This machine needs no server for that; other machines read it from Prefect."""
    from chaos.runs import kill_switch as switch

    began = monotonic()
    made = switch.halt(reason[:_REASON_UP_TO], _who())
    click.echo(f"this machine is {made}")
    from flows.prefect import kill_switch_admin as switching  # only now: reading Prefect takes a second

    url = switching.api_in_use()
    if url is not None:
        switching.turn_on(url, made)
    click.echo(
        f"so is every machine of {url}" if url else "there is no Prefect server, so no other machine to tell"
    )
    late = _until_ended(began + patience_s, url)
    if late:
        click.echo(f"still running after {patience_s:g} s: {', '.join(late)}", err=True)
        sys.exit(5)
    click.echo(f"no run is under way any more, {monotonic() - began:.1f} s later")


def _until_ended(until: float, url: str | None) -> list[str]:
    """Wait for the runs of this machine and of Prefect; what of them has not ended by then (monotonic seconds)."""
    from chaos.runs.active import active_ids
    from flows.prefect import kill_switch_admin as switching

    while (here := active_ids()) and monotonic() < until:
        sleep(_LOOK_EVERY_S)
    return here + (list(switching.until_ended(url, max(0.0, until - monotonic()))) if url else [])


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
