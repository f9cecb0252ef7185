"""Options that more than one verb has."""

from pathlib import Path

import click

SEED = click.IntRange(0, 2**32 - 1)
HOLD = click.option(
    "--hold", help="How long every step is held, such as 30s, instead of the manifest's value."
)
INTENSITY = click.option(
    "--intensity",
    type=click.Choice(["low", "medium", "high"]),
    help="The preset of every fault, instead of the manifest's numbers.",
)
FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
