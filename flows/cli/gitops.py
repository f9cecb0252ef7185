"""`chaoslab gitops`: triggers of a sync: a hook, a forge's webhook, an interval."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from chaos.cli.interrupts import run_until_interrupted
from chaos.gitops.repository.source import Source
from chaos.gitops.webhook.git_hook import install
from flows.cli.repositories import RepositoryOptions, log, log_action, of_repositories

if TYPE_CHECKING:
    from flows.gitops.watcher import Following

_KEPT = ("PATH", "HOME", "PREFECT_API_URL", "CHAOSLAB_STATE_DIR", "XDG_STATE_HOME")
"""What the hook's command gets of this shell: whoever pushes has another environment."""


@click.group()
def gitops() -> None:
    """Triggers that bring Prefect in line with a git repository automatically."""


@gitops.command(name="install-hook")
@click.argument("repository", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--branch", default="main", show_default=True, help="The branch to follow.")
@click.option("--path", default="experiments", show_default=True, help="The folder of manifests in it.")
@click.option(
    "--out", default="runs", type=click.Path(path_type=Path), show_default=True, help="Where run folders go."
)
def install_hook(repository: Path, branch: str, path: str, out: Path) -> None:
    """Install a post-receive hook in REPOSITORY: each push runs `chaoslab sync`, whose output shows in the push."""
    source = Source(str(repository.absolute()), branch, path)
    program = Path(sys.argv[0]).absolute()
    start = [str(program)] if os.access(program, os.X_OK) else [sys.executable, "-P", "-m", "flows.main"]
    command = [*start, "sync", source.url, "--branch", branch, "--path", path, "--out", str(out.absolute())]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    click.echo(f"installed {install(repository.absolute(), command, branch, kept)}")


@gitops.command()
@of_repositories
@click.option("--listen", default="127.0.0.1:8787", show_default=True, help="HOST:PORT.")
@click.option(
    "--every",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Also sync without a call, every so many seconds.",
)
@click.option(
    "--sweep", "sweep_s", default=300.0, show_default=True, type=click.FloatRange(min=1), help="Seconds."
)
def webhook(asked: RepositoryOptions, listen: str, every: float, sweep_s: float) -> None:
    """Let GitHub, GitLab or Gitea call http://HOST:PORT/webhook on a push to REPOSITORIES, and bring Prefect in line.

    CHAOSLAB_WEBHOOK_SECRET is the webhook's secret (GitLab: its secret or signing token). It is plain HTTP: put a proxy
    that speaks TLS in front of it.
    """
    from flows.gitops.watcher import Following

    host, port = _address(listen)
    following = Following(asked.sources(), asked.policy(), asked.out, every_s=every, sweep_s=sweep_s)
    run_until_interrupted(_listen(following, host, port))


async def _listen(following: "Following", host: str, port: int) -> None:
    from chaos.gitops.webhook.app import PATH, Webhook
    from chaos.gitops.webhook.server import serving
    from chaos.settings import Settings
    from flows.gitops.watcher import Notifier, follow

    secret = Settings().chaoslab_webhook_secret
    notifier = Notifier()
    hook = Webhook(following.sources, secret.get_secret_value() if secret else "", notifier.notify, log)
    async with serving(hook, host, port) as (name, number):
        log(f"listening on http://{name}:{number}{PATH} for {', '.join(map(str, following.sources))}")
        await follow(following, log, log_action, notifier)


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise click.BadParameter(
            f"{listen!r}: expected HOST:PORT, such as 127.0.0.1:8787", param_hint="--listen"
        )
    return host.strip("[]"), int(port)


@gitops.command()
@of_repositories
@click.option("--every", default=60.0, show_default=True, type=click.FloatRange(min=10), help="Seconds.")
@click.option(
    "--sweep", "sweep_s", default=300.0, show_default=True, type=click.FloatRange(min=1), help="Seconds."
)
@click.option("--name", default="repositories", show_default=True, help="Of the deployment: reconcile/NAME.")
def schedule(asked: RepositoryOptions, every: float, sweep_s: float, name: str) -> None:
    """Deploy the flow `reconcile`, so that workers bring Prefect in line with REPOSITORIES at an interval.

    `chaoslab serve` and any worker of the pool run it. The same name again replaces the deployment.
    """
    repositories = [_without_secrets(one) for one in asked.sources()]
    parameters = {
        "repositories": repositories,
        "drift": asked.drift,
        "run_on_push": not asked.no_run,
        "require_signed": asked.require_signed,
        "sweep": sweep_s,
        "out": str(asked.out.absolute()),
    }
    run_until_interrupted(_schedule(name, every, parameters))
    click.echo(f"reconcile/{name}: every {every:g} s, {', '.join(repositories)}")


def _without_secrets(source: Source) -> str:
    """As the flow's parameters, which everybody sees, name it."""
    login = urlsplit(source.url)
    if login.password is not None or (login.scheme == "https" and login.username is not None):
        why = (
            "its password would show in the Prefect UI; set CHAOSLAB_GIT_TOKEN where the worker runs instead"
        )
        raise click.UsageError(f"{source.name}: {why}")
    return str(source)


async def _schedule(name: str, every: float, parameters: dict[str, object]) -> None:
    from prefect.client.orchestration import get_client

    from flows.gitops.schedule import schedule as deploy
    from flows.server.api import ensure_api
    from flows.server.local import speaking_to

    api = await asyncio.to_thread(ensure_api, log)
    with speaking_to(api.url):
        async with get_client() as client:
            await deploy(client, name, every, parameters)
