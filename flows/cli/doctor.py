"""`chaoslab doctor`: of this machine as the library has it, and with `--server` of the Prefect server."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from chaos.cli.doctor import doctor as of_this_machine

if TYPE_CHECKING:
    from flows.prefect.limits import LimitInUse


@click.command(help=of_this_machine.help)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
@click.option(
    "--server", is_flag=True, help="Look at Prefect instead: who holds which place; free those stuck."
)
@click.pass_context
def doctor(context: click.Context, as_json: bool, server: bool) -> None:
    if not server:
        context.invoke(of_this_machine, as_json=as_json)
        return
    held, freed = _looked_at()
    if as_json:
        shown = [
            {"limit": each.name, "most": each.most, "taken": each.taken, "holders": list(each.holders)}
            for each in held
        ]
        click.echo(
            json.dumps({"limits": shown, "freed": {each.name: each.stuck for each in freed}}, indent=2)
        )
        return
    for each in held:
        click.echo(str(each))
    for each in freed:
        click.echo(f"freed {each.stuck} place(s) of {each.name}: no run that is under way holds them")
    if not held and not freed:
        click.echo("no place of any limit is taken")


def _looked_at() -> "tuple[list[LimitInUse], list[LimitInUse]]":
    """What is held now, and what was freed. Raises ServerError."""
    from flows.prefect.progress import API_FAILURES
    from flows.server import api as server

    now = server.status()
    url = now.configured or now.local
    if url is None or not now.answers:
        raise server.ServerError(f"{url or 'no Prefect server'}: does not answer; nothing can be looked at")
    try:
        return asyncio.run(_look(url))
    except API_FAILURES as error:
        raise server.ServerError(f"the Prefect API does not say who holds what: {error}") from error


async def _look(url: str) -> "tuple[list[LimitInUse], list[LimitInUse]]":
    from prefect.client.orchestration import get_client

    from flows.prefect.limits import free_stuck, limits
    from flows.server.local import speaking_to

    with speaking_to(url):
        async with get_client() as client:
            freed = await free_stuck(client)
            return await limits(client), freed
