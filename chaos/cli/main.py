"""The command line. Thin: each command loads, calls one part of the library, prints, and ends with the right code.

Exit codes: 0 held · 1 deviated · 2 bad manifest or usage · 3 inconclusive or not injected · 4 aborted · 5 our failure.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from chaos import __version__, api
from chaos.cli.analyze import analyze
from chaos.cli.dashboard import dashboard
from chaos.cli.doctor import doctor
from chaos.cli.gc import gc as remove_orphans
from chaos.cli.history import history
from chaos.cli.init import init
from chaos.cli.metrics import metrics
from chaos.cli.notices import notices
from chaos.cli.options import FILES, HOLD, INTENSITY, SEED
from chaos.cli.run import run
from chaos.cli.run_game_day import Executors
from chaos.cli.template import template
from chaos.errors import ChaosLabError, Interrupted, ManifestError
from chaos.report.terminal import inert_output

__all__ = ["Executors", "cli"]


class _Explaining(click.Group):
    """Our errors become one message and their exit code; a mistake of ours its traceback, and 5. All of it is inert."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        with inert_output():
            return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ChaosLabError as error:
            click.echo(str(error) or type(error).__name__, err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(Interrupted.exit_code)
        except BrokenPipeError:  # whoever reads has had enough; Python would try once more when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  Python would end with 1, which says that an app deviated
            if wrong := _wrong_settings(error):
                click.echo("\n".join(wrong), err=True)
                ctx.exit(ManifestError.exit_code)
            traceback.print_exc()
            ctx.exit(ChaosLabError.exit_code)


def _wrong_settings(error: Any) -> list[str]:
    """`GROQ_TIMEOUT_S: Input should be a valid number` for each variable of the environment that cannot be read."""
    if getattr(error, "title", "") != "Settings":  # pydantic's error, without reading pydantic to know it
        return []
    return [f"{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors()]


@click.group(cls=_Explaining, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chaoslab")
def cli() -> None:
    """Resilience as code: run chaos experiments for real, and get verdicts you can trust."""
    _heed_env_file()


def _heed_env_file() -> None:
    """What a file says counts for those parts, too, that read the environment itself; the environment goes first."""
    if not (os.environ.get("CHAOSLAB_ENV_FILE") or os.path.lexists(".env")):
        return
    from chaos.settings import EnvFileError, heed

    try:
        if remark := heed():
            click.echo(remark, err=True)
    except EnvFileError as error:
        raise ManifestError(str(error)) from error


_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@cli.command()
@FILES
@_JSON
def validate(files: Sequence[Path], as_json: bool) -> None:
    """Check manifests (files or directories): all problems at once, each with file, line and column."""
    from chaos.cli import as_json as in_json
    from chaos.manifests.meanings import changed
    from chaos.manifests.policy import is_policy
    from chaos.manifests.policy_breaches import forbidden
    from chaos.manifests.reading import read
    from chaos.manifests.yaml.files import find
    from chaos.planning.plan import undecidable

    try:
        found = find(files)
        policies = sum(map(is_policy, found))
        manifests = read(files, some=not policies)
        if wrong := [problem for one in manifests.experiments for problem in forbidden(one)]:
            raise ManifestError(*wrong)
    except ManifestError as error:
        if as_json:
            click.echo(in_json.validation([], error.problems, [], []))
            sys.exit(error.exit_code)
        click.echo(f"{len(error.problems)} problem(s)", err=True)
        raise
    loaded = manifests.experiments
    notes = [note for one in loaded for note in (*undecidable(one), *changed(one))]
    secrets = sorted({name for one in loaded for name in one.manifest.spec.target.secrets()})
    if as_json:
        click.echo(in_json.validation(manifests.names, [], notes, secrets))
        return
    for note in notes:
        click.echo(f"{note}", err=True)
    click.echo(f"{len(manifests.all)} manifest(s) valid" + ", and the policy" * bool(policies))
    if secrets:
        click.echo(f"needed in the environment of a run: {', '.join(secrets)}")


@cli.command(name="plan")
@FILES
@click.option("--seed", type=SEED, help="As for run.")
@HOLD
@INTENSITY
@_JSON
def show_plan(
    files: Sequence[Path], seed: int | None, hold: str | None, intensity: str | None, as_json: bool
) -> None:
    """Show what a run would do, step by step, or why it cannot or must not run."""
    from chaos.manifests.overriding import Overrides
    from chaos.planning.describe import describe
    from chaos.planning.plan import draw

    manifests, overrides = api.load(*files), Overrides.read(hold, intensity)
    drawn = [draw(one, seed=seed, overrides=overrides, environ=os.environ) for one in manifests.experiments]
    if as_json:
        from chaos.cli.as_json import plans

        click.echo(plans(drawn))
    else:
        for each in drawn:
            click.echo(describe(*each))
        for day in manifests.game_days:
            from chaos.game_days.describe import describe_day  # only where there is one

            plan = api.plan_day(manifests, day.manifest.metadata.name)
            click.echo(describe_day(plan, datetime.now(UTC)))
    sys.exit(ManifestError.exit_code if any(refusals for _, refusals in drawn) else 0)


@cli.command()
@click.option(
    "--check",
    type=click.Path(path_type=Path),
    help="Compare with this file; exit 1 if it is stale.",
)
@click.option("--policy", is_flag=True, help="The schema of a repository's policy, chaoslab.yaml.")
def schema(check: Path | None, policy: bool) -> None:
    """Print the JSON schema of manifests, for editors."""
    from chaos.manifests.schema import policy_text, text

    made, how = (policy_text(), " --policy") if policy else (text(), "")
    if check is None:
        click.echo(made, nl=False)
    elif not check.exists() or check.read_text() != made:
        click.echo(f"{check} is stale; make it anew: chaoslab schema{how} > {check}", err=True)
        sys.exit(1)


cli.add_command(run)
cli.add_command(doctor)
cli.add_command(analyze)
cli.add_command(remove_orphans)
cli.add_command(metrics)
cli.add_command(notices)
cli.add_command(dashboard)
cli.add_command(template)
cli.add_command(init)
cli.add_command(history)
