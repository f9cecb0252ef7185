"""`chaoslab resume`: allow experiments to start again."""

import click


@click.command()
def resume() -> None:
    """Undo `chaoslab halt`, here and in Prefect. What was refused meanwhile is not started automatically."""
    from chaos.runs import kill_switch as switch

    here = switch.resume()
    click.echo("this machine may run experiments again" if here else "this machine was not halted")
    from flows.prefect import kill_switch_admin as switching  # only now: reading Prefect takes a second

    url = switching.api_in_use()
    if url is None:
        click.echo("there is no Prefect server, so no other machine to tell")
    elif switching.turn_off(url):
        click.echo(f"every machine of {url} may, too")
    else:
        click.echo(f"{url} was not halted")
