"""`chaoslab history`: the index of all runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.errors import ChaosLabError, ManifestError

if TYPE_CHECKING:
    from chaos.history.models import Aside, Detail, Filters, Summary
    from chaos.history.store import History

_ROOTS = click.argument("roots", nargs=-1, type=click.Path(path_type=Path))
_DEFAULT_ROOT = Path("runs")


@click.group(name="history", invoke_without_command=True)
@click.pass_context
def history(ctx: click.Context) -> None:
    """The history of runs: list, show, import, check, prune and export it.

    It is in the state folder, or in the Postgres of POSTGRES_URL. Without a command: list.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_)


@history.command(name="list")
@click.option("--experiment", help="Of this experiment only.")
@click.option("--repository", help="Of this repository only.")
@click.option("--verdict", type=click.Choice(["held", "deviated", "inconclusive"]))
@click.option("--fault", help="With a step of this fault, such as network_delay.")
@click.option(
    "--label", "labels", multiple=True, metavar="KEY=VALUE", help="With this label; may be repeated."
)
@click.option("--live", is_flag=True, help="Only those that have not ended.")
@click.option("--search", "q", help="What the name, the run id or the reason contains.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--after", "cursor", help="The cursor at the end of the last list.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each run.")
def list_(
    experiment: str | None = None,
    repository: str | None = None,
    verdict: str | None = None,
    fault: str | None = None,
    labels: tuple[str, ...] = (),
    *,
    live: bool = False,
    q: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
    as_json: bool = False,
) -> None:
    """The runs, newest first."""
    from chaos.history.models import Filters

    meant = Filters(
        experiment=experiment,
        repository=repository,
        verdict=verdict,
        fault=fault,
        labels=tuple(_label(each) for each in labels),
        state="live" if live else None,
        q=q,
    )
    with _opened() as store:
        page = store.page(meant, limit, cursor)
        for each in page.items:
            click.echo(_json(each) if as_json else _line(each))
        if page.next is not None:
            click.echo(f"more: chaoslab history list --after {page.next}", err=True)
        elif not page.items:
            click.echo(_nothing(store, meant), err=True)


@history.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Its result.json as it is.")
def show(run: str, as_json: bool) -> None:
    """Show RUN, by its run ID or its flow run's ID."""
    from chaos.history.errors import Unknown

    with _opened() as store:
        found = store.get(run)
        if found is None:
            raise Unknown(f"{run}: no such run in the history; chaoslab history list shows all")
        if not as_json:
            click.echo("\n".join(_lines(found)))
        elif (result := store.result(run)) is None:
            raise Unknown(f"{run}: it has no result yet")
        else:
            click.echo(result, nl=False)


@history.command(name="import")
@_ROOTS
def import_(roots: tuple[Path, ...]) -> None:
    """Import every run folder in and below ROOTS (./runs by default); repeating it changes nothing."""
    with _opened() as store:
        done = store.import_(roots or (_DEFAULT_ROOT,))
    _say_aside(done.aside, "put aside")
    click.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} were there already")
    sys.exit(ChaosLabError.exit_code if done.aside else 0)


@history.command()
@_ROOTS
@click.option("--deep", is_flag=True, help="Read every byte of every file.")
def check(roots: tuple[Path, ...], deep: bool) -> None:
    """Compare the index with the folders that it names, and with those below ROOTS; exit 1 if they differ."""
    with _opened() as store:
        done = store.check(roots, deep=deep)
    for each in done.problems:
        click.echo(f"{each.path}: {each.why}" if not each.why.startswith(each.path) else each.why)
    click.echo(f"{done.runs} run(s), {len(done.problems)} problem(s)")
    sys.exit(1 if done.problems else 0)


@history.command()
@click.option("--keep", help="What to keep; CHAOSLAB_HISTORY_KEEP by default.")
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
def prune(keep: str | None, dry_run: bool) -> None:
    """Remove the files of old runs: --keep 'journals 90d 5GiB, results forever'.

    Verdicts and numbers stay; each removed file is noted at its run.
    """
    from chaos.settings import Settings

    if (words := keep or Settings().chaoslab_history_keep) is None:
        raise ManifestError("everything is kept: say what is not by --keep or CHAOSLAB_HISTORY_KEEP")
    with _opened() as store:
        done = store.prune(words, int(time.time() * 1000), dry=dry_run)
    _say_aside(done.refused, "left alone")
    would = "would be " if dry_run else ""
    freed = f"{done.freed_bytes / 2**20:.1f} MiB"
    click.echo(f"{done.journals} journal(s) and {done.results} result(s) {would}removed, {freed}")
    sys.exit(ChaosLabError.exit_code if done.refused else 0)


@history.command()
def export() -> None:
    """Print everything as lines of JSON: runs with their results, game days, the audit. No tokens."""
    with _opened() as store:
        for line in store.export():
            click.echo(line)


@contextmanager
def _opened() -> "Iterator[History]":
    from chaos.history.store import History

    with History.open() as store:
        yield store


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"--label: expected KEY=VALUE, not {text[:60]!r}")
    return key, value


def _line(each: "Summary") -> str:
    from chaos.analysis.moments import iso

    run = each.run
    when = iso(run.created_ms / 1000)[:16].replace("T", " ")
    said = run.verdict if run.outcome == "completed" else run.outcome
    what = ", ".join(each.faults) or "no fault"
    return f"{when}  {said or run.state:<12}  {run.run_id or run.id}  {what}"


def _json(each: "Summary") -> str:
    import json
    from dataclasses import asdict

    return json.dumps(asdict(each), ensure_ascii=False)


def _lines(found: "Detail") -> Iterator[str]:
    from chaos.analysis.moments import iso

    run = found.run
    yield f"{run.run_id or run.id}: {run.verdict or run.state}" + (f" ({run.outcome})" if run.outcome else "")
    for name, value in (
        ("why", run.why),
        ("began", run.started_ms and iso(run.started_ms / 1000)),
        ("ended", run.ended_ms and iso(run.ended_ms / 1000)),
        ("by", run.started_by),
        ("flow run", run.flow_run),
        ("game day", run.game_day),
        ("from", " at ".join(each for each in (run.repository, run.commit) if each) or run.source),
        ("labels", ", ".join(f"{key}={value}" for key, value in found.labels.items())),
        ("folder", run.folder),
        ("pruned", ", ".join(found.pruned)),
    ):
        if value:
            yield f"  {name:<9} {value}"
    for step in found.steps:
        asked = "" if step.asked is None else f": asked {step.asked:g}, delivered {_number(step.delivered)}"
        yield f"  step      {step.name} ({step.fault}){asked}; {'landed' if step.landed else 'did not land'}"
    for state in found.steady_states:
        yield f"  steady    {state.name}: {state.verdict}"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:g}"


def _nothing(store: "History", meant: "Filters") -> str:
    from chaos.history.models import Filters

    if meant != Filters():
        return "no such run"
    return f"no run yet at {store.meta()['place']}; older ones come in by: chaoslab history import DIR"


def _say_aside(aside: "tuple[Aside, ...]", what: str) -> None:
    for each in aside:
        click.echo(f"{what}: {each.why}", err=True)
