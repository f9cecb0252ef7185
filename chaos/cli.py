"""The command line. Thin: each command loads, calls one part of the library, prints, and ends with the right code.

Exit codes: 0 held · 1 deviated · 2 bad manifest or usage · 3 inconclusive or not injected · 4 aborted · 5 our failure.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from chaos import __version__
from chaos.errors import ChaosLabError, ManifestError

if TYPE_CHECKING:
    from chaos.events import Event
    from chaos.manifests.load import Loaded
    from chaos.measure.result import Result
    from chaos.plan import Plan
    from chaos.run import Run

_WORST_FIRST = (5, 4, 1, 3, 2, 0)


@dataclass(slots=True)
class Conduct:
    """One experiment as the command line carries it out: what a conductor gets, and what it leaves."""

    plan: "Plan"
    out: Path
    on_event: Callable[["Event"], None]
    say: Callable[[str], None]
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set on the first Ctrl-C: undo the fault, end the run, write the result all the same."""
    run: "Run | None" = None


Conductor = Callable[[Conduct], Awaitable["Result"]]


@dataclass(frozen=True, slots=True)
class Conductors:
    """Who carries out `chaoslab run`; the flows put theirs in, because nothing here may know of Prefect."""

    flow: Conductor | None = None


async def directly(conduct: Conduct) -> "Result":
    """Carry out the plan in this process, with no server."""
    from chaos import runner
    from chaos.run import Run
    from chaos.visualize import visualize

    conduct.run = run = Run.new(conduct.plan.name, conduct.out)
    await runner.carry_out(conduct.plan, run, conduct.on_event, conduct.stop)
    return visualize(run, runner.analyze(run))


@contextmanager
def _explained() -> Iterator[None]:
    """Our errors become one message and their exit code; never a traceback."""
    try:
        yield
    except ChaosLabError as error:
        click.echo(str(error) or type(error).__name__, err=True)
        sys.exit(error.exit_code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chaoslab")
def cli() -> None:
    """Resilience as code: run chaos experiments for real, and get verdicts you can trust."""


_FILES = click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))


@cli.command()
@_FILES
@click.option("--out", default="runs", type=click.Path(path_type=Path), help="Where run folders go.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output, nothing else there.")
@click.option("--no-prefect", is_flag=True, help="The same stages without any server.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="For every random choice; the manifest's digest by default.")
@click.pass_obj
def run(
    conductors: Conductors | None, files: Sequence[Path], out: Path, as_json: bool, no_prefect: bool, seed: int | None
) -> None:
    """Carry out every experiment of FILES, one after another."""
    from chaos.plan import plan

    flow = conductors.flow if conductors and not no_prefect else None
    with _explained():
        plans = [plan(loaded, seed=seed) for loaded in _load(files)]
        results = [_carry_out(each, out, flow or directly, sys.stderr if as_json else sys.stdout) for each in plans]
    if as_json:
        click.echo(_as_json(results))
    codes = {result.exit_code for result in results}
    sys.exit(next(code for code in _WORST_FIRST if code in codes))


def _carry_out(plan: "Plan", out: Path, conductor: Conductor, stream: TextIO) -> "Result":
    from chaos.console import Progress, closing_lines

    with Progress(plan.name, plan.declared_s, stream) as progress:
        conduct = Conduct(plan, out, progress, progress.line)
        result = asyncio.run(_interruptible(conductor, conduct))
    assert conduct.run is not None
    for line in closing_lines(result, conduct.run.folder):
        click.echo(line, file=stream)
    return result


async def _interruptible(conductor: Conductor, conduct: Conduct) -> "Result":
    """The first Ctrl-C asks the run to end well; a second one abandons it, and still destroys the sandbox."""
    import signal

    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(conductor(conduct))

    def interrupt() -> None:
        if conduct.stop.is_set():
            work.cancel()
        else:
            conduct.stop.set()
            conduct.say("interrupted: ending the fault and the run; once more to abandon it")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        raise ChaosLabError("abandoned; the sandbox is destroyed, the journal kept") from None


def _as_json(results: Sequence["Result"]) -> str:
    if len(results) == 1:
        return results[0].model_dump_json(indent=2)
    return "[\n" + ",\n".join(result.model_dump_json(indent=2) for result in results) + "\n]"


def _load(files: Sequence[Path]) -> "list[Loaded]":
    """Every manifest of the files, and of the YAML files below directories. Raises ManifestError with every problem."""
    from chaos.manifests.load import load_all

    loaded, wrong = load_all(_expand(files))
    if wrong:
        raise ManifestError(*wrong)
    if not loaded:
        raise ManifestError(f"no manifest in {', '.join(map(str, files))}")
    return loaded


def _expand(files: Sequence[Path]) -> Iterator[Path]:
    """Directories become the manifests below them; apps keep their own YAML to themselves."""
    for path in files:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in (".yaml", ".yml") and "apps" not in p.parts)
            yield from found
        else:
            yield path


@cli.command()
@_FILES
def validate(files: Sequence[Path]) -> None:
    """Check manifests (files, or directories of them): every problem at once, each with file, line and column."""
    from chaos.manifests.load import load_all

    with _explained():
        loaded, wrong = load_all(_expand(files))
        for problem in wrong:
            click.echo(str(problem), err=True)
        click.echo(f"{len(loaded)} manifest(s) valid, {len(wrong)} problem(s)")
        if wrong:
            sys.exit(ManifestError.exit_code)


@cli.command(name="plan")
@_FILES
@click.option("--seed", type=click.IntRange(0, 2**32 - 1))
def show_plan(files: Sequence[Path], seed: int | None) -> None:
    """Say what a run would do, step by step, and why it can't or mustn't."""
    from chaos.plan import draw
    from chaos.plan_text import describe

    refused = False
    with _explained():
        for loaded in _load(files):
            drawn, refusals = draw(loaded, seed=seed)
            refused = refused or bool(refusals)
            click.echo(describe(drawn, refusals))
    sys.exit(ManifestError.exit_code if refused else 0)


@cli.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyze(journal: Path, as_json: bool) -> None:
    """Judge a JOURNAL again, offline: the same verdict, with the same exit code."""
    from chaos.analyzers import rules
    from chaos.console import closing_lines
    from chaos.journal import Journal
    from chaos.measure.judge import judge

    with _explained():
        events = list(Journal(journal).events())
        result = judge(events)
        result = result.model_copy(update={"analysis": rules.analyze(result, events)})
    click.echo(result.model_dump_json(indent=2) if as_json else "\n".join(closing_lines(result, journal.parent)))
    sys.exit(result.exit_code)


@cli.command()
@click.option("--check", type=click.Path(path_type=Path), help="Compare with this file instead; exit 1 when it is stale.")
def schema(check: Path | None) -> None:
    """Print the JSON schema of manifests, for editors."""
    from chaos.manifests.schema import text

    if check is None:
        click.echo(text(), nl=False)
    elif not check.exists() or check.read_text() != text():
        click.echo(f"{check} is stale; make it anew: chaoslab schema > {check}", err=True)
        sys.exit(1)


@cli.command()
def doctor() -> None:
    """Find out by doing what this machine can and cannot do, with the remedy for each."""
    from chaos.doctor import examine
    from chaos.settings import Settings

    marks = {"ok": "ok      ", "degraded": "degraded", "missing": "MISSING "}
    worst = 0
    with _explained():
        for check in examine(Settings()):
            remedy = f"; remedy: {check.remedy}" if check.remedy else ""
            click.echo(f"{marks[check.level]}  {check.name}: {check.says}{remedy}")
            worst = max(worst, 5 if check.level == "missing" else 0)
    sys.exit(worst)


@cli.command()
def gc() -> None:
    """Remove what killed runs left behind: sandboxes without a keeper, their control groups and directories."""
    from chaos.sandboxes import local

    with _explained():
        removed = 0
        for folder in local.orphans():
            local.remove(folder)
            removed += 1
            click.echo(f"removed {folder}")
        click.echo(f"{removed} orphan(s) removed")
