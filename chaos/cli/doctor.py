"""`chaoslab doctor`: what this machine can and cannot do."""

import sys

import click

_MARKS = {"ok": "ok      ", "degraded": "degraded", "missing": "MISSING "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def doctor(as_json: bool) -> None:
    """Find out by trying what this machine can and cannot do, and how to repair it."""
    from chaos.cli.examination import examine
    from chaos.settings import Settings

    found = []
    for check in examine(Settings()):
        found.append(check)
        if not as_json:
            remedy = f"; remedy: {check.remedy}" if check.remedy else ""
            click.echo(f"{_MARKS[check.level]}  {check.name}: {check.says}{remedy}")
    if as_json:
        from chaos.cli.as_json import checks

        click.echo(checks(found))
    sys.exit(5 if any(check.level == "missing" for check in found) else 0)
