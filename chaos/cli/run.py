"""`chaoslab run`: carry out every experiment and game day of some files, one after another."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos import api
from chaos.cli.options import FILES, HOLD, INTENSITY, SEED
from chaos.cli.run_experiment import directly
from chaos.cli.run_game_day import Executors, day_directly
from chaos.cli.run_many import as_json as json_of
from chaos.cli.run_many import carry_out, carry_out_day, kept_for_good

if TYPE_CHECKING:
    from chaos.analysis.result import Result
    from chaos.game_days.learnt import DayReport

_WORST_FIRST = (5, 4, 1, 3, 2, 0)


@click.command()
@FILES
@click.option(
    "--out", default="runs", type=click.Path(path_type=Path), help="Where run folders go.", show_default=True
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON on standard output, nothing else there."
)
@click.option("--no-prefect", is_flag=True, help="Run the same stages without a server.")
@click.option(
    "--seed",
    type=SEED,
    help="Seed of every random choice; the manifest's digest by default.",
)
@HOLD
@INTENSITY
@click.option("--anytime", is_flag=True, help="Run a game day outside of its windows, or in a blackout.")
@click.pass_obj
def run(
    executors: Executors | None,
    files: Sequence[Path],
    out: Path,
    as_json: bool,
    no_prefect: bool,
    seed: int | None,
    hold: str | None,
    intensity: str | None,
    anytime: bool,
) -> None:
    """Run every experiment and game day of FILES, one after another."""
    from chaos.planning.plan import Plan

    through = Executors() if no_prefect else executors or Executors()
    with kept_for_good():
        plans = api.plan_all(api.load(*files), seed=seed, hold=hold, intensity=intensity, anytime=anytime)
    stream = sys.stderr if as_json else sys.stdout
    results: list[Result | DayReport] = []
    try:
        for each in plans:
            result, interrupted = (
                carry_out(each, out, through.experiment or directly, stream)
                if isinstance(each, Plan)
                else carry_out_day(each, out, through.day or day_directly, stream, anytime=anytime)
            )
            results.append(result)
            if interrupted:
                break
    finally:
        if as_json and results:
            click.echo(json_of(results, many=len(plans) > 1))
    codes = {result.exit_code for result in results}
    gc.freeze()  # or Python looks at every object once more before it ends, which takes longer than our report
    sys.exit(next(code for code in _WORST_FIRST if code in codes))
