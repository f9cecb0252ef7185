"""`chaoslab gc`: close the runs of processes that died, and remove the sandboxes that they left behind."""

from typing import TYPE_CHECKING

import click

from chaos.cli.interrupts import run_until_interrupted

if TYPE_CHECKING:
    from chaos.runs.active import Left


@click.command()
def gc() -> None:
    """Clean up after killed runs: close the runs, and remove sandboxes that nobody uses."""
    run_until_interrupted(_reap())


async def _reap() -> None:
    from chaos.history.recording import record
    from chaos.publish.game_day_cleanup import close_abandoned
    from chaos.runner import cleanup as reaping

    removed = 0
    async for left, result, aside in reaping.close_left_behind():
        click.echo(aside_or(left, aside, result.why if result else "it left nothing to judge"))
        if result is not None:
            await record(left.run.folder, click.echo)
    async for left, _, aside in close_abandoned():
        click.echo(aside_or(left, aside, "its report says what ran"))
        if aside is None:
            await record(left.run.folder, click.echo)
    async for line in reaping.remove_orphans():
        removed += 1
        click.echo(line)
    click.echo(f"{removed} orphan(s) removed")


def aside_or(left: "Left", aside: str | None, closed: str) -> str:
    """The line that says what became of a run or game day that was left behind."""
    if aside is None:
        return f"closed {left.run.id}: {closed}"
    return f"put aside {left.run.id}, which cannot be judged: {aside}; its files are in {left.run.folder}"
