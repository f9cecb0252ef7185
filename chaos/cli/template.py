"""`chaoslab template`: E2B templates made of images and setups: build them ahead of a run, list them, remove them."""

from typing import TYPE_CHECKING

import click

from chaos.cli.interrupts import run_until_interrupted

if TYPE_CHECKING:
    from chaos.sandboxes.e2b.templates import Recipe


@click.group(name="template")
def template() -> None:
    """E2B templates made from images and setups; a run on `e2b` builds a missing one itself."""


@template.command()
@click.argument("wanted", nargs=-1, required=True, metavar="IMAGE|MANIFEST...")
@click.option(
    "--memory",
    default=512,
    show_default=True,
    type=click.IntRange(128, 65536),
    help="MiB, for an IMAGE; a MANIFEST says its own.",
)
def build(wanted: tuple[str, ...], memory: int) -> None:
    """Build the template of each IMAGE, or for a MANIFEST (*.yaml), unless it exists; print its name."""
    from chaos.sandboxes.e2b.templates import Recipe, ensure

    for each in wanted:
        is_manifest = each.endswith((".yaml", ".yml"))
        for recipe in _recipes(each) if is_manifest else [Recipe(each, memory * 2**20)]:
            click.echo(run_until_interrupted(ensure(recipe, lambda line: click.echo(line, err=True))))


def _recipes(manifest: str) -> list["Recipe"]:
    """Of every experiment in that file. Raises ManifestError, UsageError."""
    from chaos.manifests.load import load
    from chaos.planning.plan import plan
    from chaos.runner.provision import setup_of
    from chaos.sandboxes.e2b.templates import BASE, Recipe

    recipes = []
    for drawn in map(plan, load(manifest)):
        setup = setup_of(drawn)
        if drawn.sandbox["type"] != "e2b":
            raise click.UsageError(
                f"{drawn.name}: its sandbox is '{drawn.sandbox['type']}'; only 'e2b' has templates"
            )
        if drawn.image is None and setup is None:
            raise click.UsageError(
                f"{drawn.name} needs no template of its own: it has neither an image nor a setup"
            )
        origin = drawn.sandbox["template"] or BASE
        recipes.append(Recipe(drawn.image, int(drawn.sandbox["memory"]), origin, setup))
    return recipes


@template.command(name="list")
def list_() -> None:
    """List all templates of the account that ChaosLab made."""
    from chaos.sandboxes.e2b.templates import listed, names_of

    for each in run_until_interrupted(listed()):
        names = ", ".join(names_of(each))
        click.echo(
            f"{each['templateID']}  {names}  {each.get('memoryMB', '?')} MiB  {each.get('createdAt', '')}".rstrip()
        )


@template.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All of ours.")
def prune(names: tuple[str, ...], everything: bool) -> None:
    """Remove the templates NAMES, or all of ours; the next run that needs one builds it again."""
    from chaos.sandboxes.e2b.templates import listed, names_of, remove

    if bool(names) == everything:
        raise click.UsageError("name the templates to remove, or write --all")

    async def removed() -> list[str]:
        gone = []
        for each in await listed():
            if everything or set(names) & {each["templateID"], *names_of(each)}:
                await remove(each["templateID"])
                gone += names_of(each)
        return gone

    gone = run_until_interrupted(removed())
    for name in gone:
        click.echo(f"removed {name}")
    click.echo(f"{len(gone)} template(s) removed")
