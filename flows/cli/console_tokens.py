"""`chaoslab console token`: who may use a console from elsewhere, and as what."""

import hashlib
import re
import secrets
import time
from datetime import UTC, datetime

import click

from chaos.errors import ManifestError
from chaos.units import POSITIVE_DURATION

_NAME = re.compile(r"[a-z0-9][-a-z0-9_.@]{0,63}")
_DAY_S = 86_400


@click.group()
def token() -> None:
    """Tokens: shown once, kept as hashes."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    default="viewer",
    show_default=True,
    type=click.Choice(["viewer", "operator", "worker"]),
    help="viewer: reads. operator: starts, stops, halts as well. worker: delivers its own runs, no more.",
)
@click.option("--expires", default="90d", show_default=True, help="After so long: 90d, 12h.")
def create(name: str, role: str, expires: str) -> None:
    """Create a token and print it; it is not shown again."""
    from chaos.history.models import Token
    from chaos.history.store import History

    if not _NAME.fullmatch(name):
        raise ManifestError(f"{name!a} is no name: lower-case letters, digits, - _ . @, 64 at most")
    made, until_ms = secrets.token_urlsafe(32), round((time.time() + _seconds(expires)) * 1000)
    digest = hashlib.sha256(made.encode()).hexdigest()
    with History.open() as history:
        history.add_token(Token(name=name, role=role, sha256=digest, expires_ms=until_ms))
    click.echo(made)
    click.echo(f"{role} {name}, until {_day(until_ms)}: send it as `Authorization: Bearer …`", err=True)


@token.command(name="list")
def list_() -> None:
    """List all tokens, without the secrets."""
    from chaos.history.store import History

    with History.open() as history:
        found = history.tokens()
    for each in found:
        state = "revoked" if each.revoked_ms else f"until {_day(each.expires_ms)}"
        used = f"last used {_day(each.last_used_ms)}" if each.last_used_ms else "never used"
        click.echo(f"{each.name}  {each.role}  {state}, {used}")
    if not found:
        click.echo("no token")


@token.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a token: from now on it is refused."""
    from chaos.history.store import History

    with History.open() as history:
        history.revoke_token(name, round(time.time() * 1000))
    click.echo(f"{name} is revoked")


def _seconds(text: str) -> float:
    """`90d`, or a duration. Raises ManifestError."""
    if match := re.fullmatch(r"([1-9]\d{0,3})d", text):
        return int(match[1]) * _DAY_S
    try:
        return POSITIVE_DURATION.parse(text)
    except ValueError as error:
        raise ManifestError(f"--expires: {error}, or days such as 90d") from error


def _day(ms: int | None) -> str:
    return "for ever" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
