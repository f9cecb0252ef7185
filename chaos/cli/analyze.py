"""`chaoslab analyze`: judge a journal again, and put it into words."""

import asyncio
import sys
from pathlib import Path

import click

from chaos import api
from chaos.errors import ChaosLabError
from chaos.text.inert import in_json
from chaos.verdict import RULES


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option(
    "--analyzer",
    type=click.Choice(["rules", "groq", "llm", "auto"]),
    default="rules",
    show_default=True,
    help="What writes the sentences: rules (offline), groq (needs a key), llm (needs an address), auto.",
)
@click.option(
    "--rules",
    "version",
    type=click.IntRange(1, RULES),
    default=RULES,
    show_default=True,
    help="By which version of the rules: 1 is before budgets were tested, 2 before latencies were of answers alone.",
)
def analyze(journal: Path, as_json: bool, analyzer: str, version: int) -> None:
    """Judge a JOURNAL again, offline: the same rules give the same verdict and the same exit code.

    With the journal of a game day (day.ndjson), the day's report is written again.
    """
    from chaos.runner.isolation import little_memory

    try:
        with little_memory():
            _analyze(journal, as_json, analyzer, version)
    except MemoryError as error:
        raise click.UsageError(f"{journal}: it needs too much memory to be judged") from error


def _analyze(journal: Path, as_json: bool, analyzer: str, version: int) -> None:
    from chaos.game_days.record import is_day
    from chaos.report.console import closing_lines
    from chaos.runs.journal import Journal

    if is_day(journal):
        if analyzer != "rules":
            raise click.UsageError(
                "a game day has the words of its runs; --analyzer is for the journal of a run"
            )
        sys.exit(_day(journal, as_json))
    try:
        result = api.judge(journal, rules=version)
    except ChaosLabError as error:
        raise click.UsageError(str(error)) from error
    if analyzer != "rules":
        result = asyncio.run(api.explain(result, journal, analyzer))
    text = (
        in_json(result.model_dump_json(indent=2))
        if as_json
        else "\n".join(closing_lines(result, journal.parent))
    )
    click.echo(text)
    began = next(iter(Journal(journal).events()))
    then = int((began.data.get("plan") or {}).get("rules") or 1)
    if version != then and not as_json:
        click.echo(f"  rules   judged by rules {version}; the run itself was by rules {then}")
    sys.exit(result.exit_code)


def _day(journal: Path, as_json: bool) -> int:
    """The same for a game day; its exit code. Raises PublishError when its folder cannot be written."""
    from chaos.game_days.record import fold
    from chaos.publish import game_day_report as reporting
    from chaos.report.day_lines import closing_lines
    from chaos.runs.journal import Journal

    try:
        day = fold(Journal(journal).events())
    except ChaosLabError as error:
        raise click.UsageError(str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise click.UsageError(f"{journal}: not as ChaosLab writes it: {error!r}") from error
    folder = journal.absolute().parent
    report, results = reporting.again(day, folder)
    click.echo(
        in_json(report.model_dump_json(indent=2))
        if as_json
        else "\n".join(closing_lines(report, journal.parent))
    )
    reporting.keep(report, results, folder)
    return report.exit_code
