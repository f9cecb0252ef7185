"""`chaoslab template`: E2B templates made of images: build them ahead of a run, list them, remove them."""

import asyncio

import click


@click.group(name="template")
def template() -> None:
    """E2B templates that images become; a run with `target.image` on `e2b` builds its own when it is not there."""


@template.command()
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--memory",
    default=512,
    show_default=True,
    type=click.IntRange(128, 65536),
    help="MiB, as in the manifest.",
)
def build(images: tuple[str, ...], memory: int) -> None:
    """Build the template of each of IMAGES unless it is there, and print its name."""
    from chaos.sandboxes.e2b_templates import Recipe, ensure

    for image in images:
        recipe = Recipe(image, memory * 2**20)
        name = asyncio.run(ensure(recipe, lambda line: click.echo(line, err=True)))
        click.echo(name)


@template.command(name="list")
def list_() -> None:
    """Every template that was made here or by a colleague of the same account."""
    from chaos.sandboxes.e2b_templates import listed, names_of

    for each in asyncio.run(listed()):
        names = ", ".join(names_of(each))
        click.echo(
            f"{each['templateID']}  {names}  {each.get('memoryMB', '?')} MiB  {each.get('createdAt', '')}".rstrip()
        )


@template.command()
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every one of ours.")
def prune(names: tuple[str, ...], everything: bool) -> None:
    """Remove the templates called NAMES, or all of ours; the next run that wants one builds it again."""
    from chaos.sandboxes.e2b_templates import listed, names_of, remove

    if bool(names) == everything:
        raise click.UsageError("name the templates to remove, or write --all")

    async def removed() -> list[str]:
        gone = []
        for each in await listed():
            if everything or set(names) & {each["templateID"], *names_of(each)}:
                await remove(each["templateID"])
                gone += names_of(each)
        return gone

    gone = asyncio.run(removed())
    for name in gone:
        click.echo(f"removed {name}")
    click.echo(f"{len(gone)} template(s) removed")
