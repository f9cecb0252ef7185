"""`chaoslab status`: which Prefect server is used, and the state of each experiment of each repository."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flows.gitops.status import Repositories
    from flows.server.api import PrefectStatus as ServerStatus


@click.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Everything as JSON, with the conditions of each experiment."
)
@click.option("--repository", help="Only the one whose name or URL contains this.")
def status(as_json: bool, repository: str | None) -> None:
    """Show which Prefect server is used, whether it answers, and the state of each repository's experiments.

    Exit code 5 if the server does not answer.
    """
    from flows.prefect import kill_switch_admin as switching
    from flows.server import api as server

    now = server.status()
    found = _found(now) if now.answers else []
    chosen = [(one, rows) for one, rows in found if repository is None or repository in one.repository]
    halt = switching.halted((now.configured or now.local) if now.answers else None)
    if as_json:
        halted = {"halted": halt and halt.to_json()}
        click.echo(json.dumps(_as_json(now, chosen) | halted, indent=2))
    else:
        if halt:
            click.echo(str(halt.refusal()))
        _print(now, chosen)
    sys.exit(0 if now.answers or (now.configured or now.local) is None else 5)


def _found(now: "ServerStatus") -> "Repositories":
    """How all repositories stand. Raises ServerError when the API goes away, or refuses, in the middle."""
    from flows.prefect.progress import API_FAILURES
    from flows.server.api import ServerError

    try:
        return asyncio.run(_look(now))
    except API_FAILURES as error:
        raise ServerError(f"the Prefect API does not say how things stand: {error}") from error


async def _look(now: "ServerStatus") -> "Repositories":
    from prefect.client.orchestration import get_client

    from flows.gitops.status import look
    from flows.server.local import speaking_to

    with speaking_to(now.configured or now.local or ""):
        async with get_client() as client:
            return await look(client)


def _print(now: "ServerStatus", found: "Repositories") -> None:
    from chaos.gitops.status_text import heading, table

    url = now.configured or now.local
    if url is None:
        click.echo("no Prefect server: `chaoslab run` or `chaoslab up` starts a local one")
        return
    kind = "configured" if now.configured else f"local, pid {now.pid}, files in {now.folder}"
    click.echo(f"{url} ({kind}): {'answers' if now.answers else 'does not answer'}")
    for account, rows in found:
        click.echo("")
        for line in (heading(account), *table(rows)):
            click.echo(line)


def _as_json(now: "ServerStatus", found: "Repositories") -> dict[str, Any]:
    return {
        "server": {
            "url": now.configured or now.local,
            "configured": now.configured is not None,
            "answers": now.answers,
        },
        "repositories": [
            {**_plain(asdict(account)), "experiments": [each.to_json() for each in rows]}
            for account, rows in found
        ],
    }


def _plain(account: dict[str, Any]) -> dict[str, Any]:
    """Without the runs, which each experiment has."""
    return {key: value for key, value in account.items() if key != "runs"}
