"""`chaoslab notices`: whether those who are to be told of runs can be."""

import sys

import click


@click.group(name="notices")
def notices() -> None:
    """Notices of runs: test whether they arrive."""


@notices.command(name="try")
def try_() -> None:
    """Send a test notice to every configured receiver, and end an alert at once."""
    import asyncio

    from chaos.errors import PublishError
    from chaos.publish.notifications.sample import tried
    from chaos.settings import Settings

    settings = Settings()
    whos, whys = asyncio.run(tried(settings))
    if not whos:
        raise click.UsageError(
            "nobody is named: set CHAOSLAB_NOTICE_… or CHAOSLAB_PAGERDUTY_KEY (.env.example)"
        )
    for who in whos:
        failed = [why for why in whys if why.startswith(f"{who}: ")]
        click.echo(failed[0] if failed else f"{who}: taken", err=bool(failed))
    if whys:
        sys.exit(PublishError.exit_code)
