"""`chaoslab gc`: close the runs of processes that died, and remove the sandboxes that they left behind."""

import click

from chaos.interrupts import run_until_asked


@click.command()
def gc() -> None:
    """Remove what killed runs left behind: the runs are closed, and so are sandboxes that nobody uses any more."""
    run_until_asked(_reap())


async def _reap() -> None:
    from chaos import reaping
    from chaos.game_days.abandoned import close_abandoned

    removed = 0
    async for left, result in reaping.close_left_behind():
        click.echo(f"closed {left.run.id}: {result.why if result else 'it left nothing to judge'}")
    for left, _ in close_abandoned():
        click.echo(f"closed {left.run.id}: its report says what ran")
    async for line in reaping.remove_orphans():
        removed += 1
        click.echo(line)
    click.echo(f"{removed} orphan(s) removed")
