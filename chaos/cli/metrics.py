"""`chaoslab metrics`: a run's samples as text, or to a store."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from chaos.publish.prometheus.openmetrics import Format


class _JournalByDefault(click.Group):
    """`metrics JOURNAL` is `metrics export JOURNAL`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["export", *args]
        return super().resolve_command(ctx, args)


@click.group(name="metrics", cls=_JournalByDefault)
def metrics() -> None:
    """Print the metrics of a JOURNAL as OpenMetrics, or push those of a run to a store.

    chaoslab metrics JOURNAL is short for chaoslab metrics export JOURNAL.
    """


@metrics.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(("openmetrics", "prometheus")),
    default="openmetrics",
    help="OpenMetrics 1.0, or Prometheus' text format 0.0.4.",
)
def export(journal: Path, form: "Format") -> None:
    """Print all samples of a JOURNAL as OpenMetrics, or as the older text format of Prometheus.

    For a Prometheus: promtool tsdb create-blocks-from openmetrics FILE DATA_DIRECTORY
    """
    from chaos.errors import ChaosLabError
    from chaos.publish.prometheus.openmetrics import of_journal

    try:
        lines = of_journal(journal, form)
    except ChaosLabError as error:
        raise click.UsageError(str(error)) from error
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except OSError as error:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python tries once more when it ends
        if not isinstance(error, BrokenPipeError):  # whoever reads has had enough
            raise ChaosLabError(f"cannot print them: {error.strerror}") from error


@metrics.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Send all of them again.")
@click.option("--url", help="Remote-write address; PROMETHEUS_REMOTE_WRITE_URL by default.")
def push(run: Path, everything: bool, url: str | None) -> None:
    """Send the metrics of a RUN (its folder) that have not been sent yet."""
    from chaos.errors import PublishError
    from chaos.publish.prometheus.push import push as bring
    from chaos.publish.prometheus.store import Store
    from chaos.runs.directory import Run
    from chaos.settings import Settings

    folder = run.absolute()
    if not (folder / "journal.ndjson").is_file():
        raise click.UsageError(f"{run}: not the folder of a run: it holds no journal.ndjson")
    settings = Settings()
    if url:
        settings = settings.model_copy(update={"prometheus_remote_write_url": url})
    if settings.metrics_store is None:
        raise click.UsageError("no store: set PROMETHEUS_REMOTE_WRITE_URL or PROMETHEUS_URL, or give --url")
    with Store.configured(settings) as store:
        progress = bring(Run(folder.name, folder), store, everything=everything)
    click.echo(f"{progress.samples - progress.refused} samples are at {store.shown}")
    if progress.refused:
        raise PublishError(f"{progress.refused} samples were refused: {progress.why}")
