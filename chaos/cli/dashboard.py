"""`chaoslab dashboard`: the Grafana dashboard of a run or a manifest as JSON, its problems, its delivery."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chaos.analysis.result import Delivery, Links

_PATH = click.Path(path_type=Path)
_SAMPLE: Mapping[str, Any] = {
    "experiment": "sample",
    "run_id": "sample-run",
    "target": "app",
    "hypothesis": "A sentence.",
    "labels": {"team": "a-team"},
    "load": {"rate_per_s": 50.0},
    "processes": [{"name": "web"}],
    "steady_state": [{"name": "healthy", "probe": {"type": "http"}, "tolerance": {"status": 200}}],
}
"""A plan for templates that are judged by themselves."""
_OURS = ("experiment.json.j2", "fleet.json.j2", "game_day.json.j2")
_PUSH_WITHIN_S = 30.0
"""Somebody waits and wants it to arrive; a run waits less."""


@click.group(name="dashboard")
def dashboard() -> None:
    """Print, check or deliver the Grafana dashboards of runs."""


@dashboard.command()
@click.argument("what", required=False, type=_PATH)
@click.option("--fleet", is_flag=True, help="The dashboard of all experiments.")
@click.option("--template", type=_PATH, help="Use this template instead of the manifest's.")
def render(what: Path | None, fleet: bool, template: Path | None) -> None:
    """Print the dashboard of WHAT: the folder of a run or of a game day, or a manifest (as it will be live)."""
    import json

    from chaos.publish import dashboards

    if fleet == (what is not None):
        raise click.UsageError("say what: the folder of a run or of a game day, or a manifest, or --fleet")
    drawn = dashboards.fleet() if what is None else _drawn(what, template)
    click.echo(json.dumps(drawn, indent=2))


@dashboard.command()
@click.argument("runs", nargs=-1, required=True, type=_PATH)
def push(runs: Sequence[Path]) -> None:
    """Deliver the dashboards of RUNS (their folders, or those of game days) and link them in their reports."""
    from chaos.errors import PublishError
    from chaos.publish.grafana import configured
    from chaos.settings import Settings

    if configured(Settings()) is None:
        raise click.UsageError("no Grafana: set GRAFANA_URL, or GRAFANA_MCP_URL for a running MCP server")
    failed = False
    for folder in runs:
        links, delivery = _pushed(folder)
        if links.dashboard:
            click.echo(links.dashboard)
        if not delivery.complete:
            failed = True
            click.echo(f"{folder}: {delivery.why}", err=True)
    sys.exit(PublishError.exit_code if failed else 0)


@dashboard.command()
@click.argument("files", nargs=-1, type=_PATH)
def lint(files: Sequence[Path]) -> None:
    """Check dashboards (.json), templates (.j2) and the templates of manifests; without FILES, our own."""
    from chaos.errors import ManifestError
    from chaos.publish import dashboards

    own = [dashboards.TEMPLATES / name for name in _OURS]
    problems = [line for file in files or own for line in _problems(file)]
    for line in problems:
        click.echo(line, err=True)
    if problems:
        sys.exit(ManifestError.exit_code)
    click.echo(f"{len(files or own)} file(s), no problem")


def _pushed(folder: Path) -> "tuple[Links, Delivery]":
    """Of a run or of a game day. Raises PublishError."""
    from chaos.game_days import comparison
    from chaos.publish import game_day_report as reporting
    from chaos.publish.report import revisit, visualize

    if (folder / comparison.RECORD).is_file():
        day = reporting.push(folder, _PUSH_WITHIN_S)
        return day.links, day.delivery["dashboard"]
    run, result = revisit(folder)
    delivered = visualize(run, result, within_s=_PUSH_WITHIN_S)
    return delivered.links, delivered.delivery["dashboard"]


def _drawn(what: Path, template: Path | None) -> dict[str, Any]:
    """Of a run as it ended, or of a manifest as it will be. Raises PublishError, ManifestError."""
    from chaos.analysis.trials import shown
    from chaos.game_days import comparison
    from chaos.publish import dashboard as publish
    from chaos.publish import game_day_report as reporting
    from chaos.publish.report import revisit
    from chaos.runs.journal import Journal

    if (what / comparison.RECORD).is_file():
        return reporting.draw(reporting.revisit(what), what)
    if what.is_dir():
        run, result = revisit(what)
        events = shown(list(Journal(run.journal.path).events()), result)
        started = dict(events[0].data if events else {})
    else:
        result, started = None, _announced(what)
    if template is not None:
        started["dashboard"] = str(template)
    drawn = publish.rendered_dashboard(result, started)
    if drawn.complaint:
        from chaos.errors import PublishError

        raise PublishError(drawn.complaint.removesuffix("; ours was drawn instead"))
    return drawn.dashboard


def _announced(manifest: Path) -> dict[str, Any]:
    """What the journal of a run of that manifest would begin with."""
    from chaos.manifests.load import load
    from chaos.planning.plan import draw

    loaded = load(manifest)
    if len(loaded) != 1:
        names = ", ".join(each.manifest.metadata.name for each in loaded)
        raise click.UsageError(f"{manifest}: expected one experiment, it holds: {names}")
    plan, _ = draw(loaded[0])
    return {"plan": plan.order("run"), "dashboard": plan.dashboard}


def _problems(file: Path) -> Iterator[str]:
    from chaos.errors import PublishError
    from chaos.publish.dashboards.lint import problems
    from chaos.publish.prometheus.families import FINAL, LIVE

    metrics = {family.name for family in (*LIVE, *FINAL)}
    try:
        for found in _dashboards(file):
            yield from dict.fromkeys(f"{file}: {problem}" for problem in problems(found, metrics))
    except PublishError as error:
        yield str(error)


def _dashboards(file: Path) -> Iterator[Mapping[str, Any]]:
    """What a file describes: JSON as it is; a template by a full and by a bare plan."""
    from chaos.publish import dashboards

    if file.suffix == ".j2":
        if file.name == "fleet.json.j2":
            yield dashboards.fleet()
            return
        if file.name == "game_day.json.j2":
            yield from _sample_days()
            return
        for plan in (_SAMPLE, {"experiment": "bare"}):
            yield dashboards.render(file.absolute(), None, plan)
    elif file.suffix == ".json":
        yield _read(file)
    else:
        yield _drawn(file, None)


def _sample_days() -> Iterator[Mapping[str, Any]]:
    """Of a day with everything in it, and of one with nothing."""
    from datetime import UTC, datetime

    from chaos.game_days.day import Day, Ran, StageRecord
    from chaos.game_days.summing_up import summed_up
    from chaos.publish import dashboards

    at = datetime(2026, 1, 1, tzinfo=UTC)
    stage = StageRecord(
        name="all", started_at=at, ran=(Ran(experiment="sample", run_id="sample-run", started_at=at),)
    )
    about = {
        "run_id": "sample-day",
        "name": "sample",
        "purpose": "A sentence.",
        "digest": "",
        "started_at": at,
    }
    bare = summed_up(Day.model_validate({**about, "stages": (stage,)}), {}, {})
    full = [run.model_copy(update={"steady_states": 1, "recovery_s": 1.0}) for run in bare.runs]
    yield dashboards.game_day(bare.model_copy(update={"runs": tuple(full)}), "Words.", has_load=True)
    yield dashboards.game_day(bare, "", has_load=False)


def _read(file: Path) -> Mapping[str, Any]:
    import json

    from chaos.errors import PublishError

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise PublishError(f"{file}:{error.lineno}:{error.colno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise PublishError(f"{file}: cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise PublishError(f"{file}:1:1: expected an object, got {type(found).__name__}")
    return found
