"""`chaoslab init`: a first repository of experiments for an app, from flags or by asking."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from chaos.cli.starting.repository import InitOptions

_SCENARIOS = ("network_delay", "memory_pressure", "disk_full", "process_kill", "dependency_failure")
_USUAL = ("web.py", "app.py", "main.py", "server.py")


def _duration(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """A hold as manifests have it. Raises click.BadParameter."""
    from chaos.units import DURATION

    try:
        return text if text is None else DURATION.format(DURATION.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _path(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
    """What comes after the host in a URL. Raises click.BadParameter."""
    if text is not None and (not text.startswith("/") or not text.isprintable() or " " in text):
        raise click.BadParameter(f"{text!r}: expected a path such as /health")
    return text


@click.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--app", type=click.Path(path_type=Path), help="The app's directory; copied unless it is in FOLDER."
)
@click.option("--image", help="Or a container image, such as docker.io/library/nginx:1.29.")
@click.option("--command", help="How the app is started, in its directory, such as 'python3 web.py'.")
@click.option("--port", type=click.IntRange(1, 65535), help="Where it answers HTTP.")
@click.option("--url-path", callback=_path, help="The path that must answer 200.")
@click.option("--name", help="Prefix of the experiments' names; the app's directory by default.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice(_SCENARIOS),
    help="One experiment each; network_delay by default.",
)
@click.option(
    "--intensity", type=click.Choice(["low", "medium", "high"]), default="medium", show_default=True
)
@click.option(
    "--hold",
    callback=_duration,
    help="How long each fault is held, such as 30s; as long as it takes, by default.",
)
@click.option("--dependency", help="For dependency_failure: what it takes away, such as db.internal:5432.")
@click.option(
    "--sandbox", type=click.Choice(["local", "container", "e2b"]), help="local for apps by default."
)
@click.option("--ci", type=click.Choice(["github", "gitlab", "gitea", "none"]), help="Which CI job to write.")
def init(folder: Path, **values: Any) -> None:
    """Create a repository of experiments in FOLDER: manifests for your app, their schema, a CI job.

    In a terminal it asks for what no flag says. Existing files are not overwritten.
    """
    from chaos.cli.starting.repository import begin

    start = _start(folder, values)
    for path in begin(start):
        click.echo(f"wrote {path}")
    first = f"experiments/{start.name}-{start.scenarios[0].replace('_', '-')}.yaml"
    where = "" if folder == Path() else f"cd {folder}; "
    click.echo(f"next: {where}chaoslab run {first}; git add -A; git commit; chaoslab sync")


def _start(folder: Path, values: dict[str, Any]) -> "InitOptions":
    """From flags and answers. Raises click.UsageError for what neither says."""
    from chaos.cli.starting.repository import InitOptions
    from chaos.manifests.ad_hoc import Wish

    app, image = values["app"], values["image"]
    if app is None and image is None:
        app = Path(_asked("--app", "The app's directory"))
    if app is not None and image is not None:
        raise click.UsageError("--app and --image: one of the two")
    if app is not None and not app.is_dir():
        raise click.BadParameter(f"{app} is no directory", param_hint="--app")
    command = values["command"]
    if command is None and app is not None:
        command = _asked("--command", "How is it started, in its directory", _usual(app))
    port = values["port"] or _asked("--port", "Where does it answer HTTP", 8000, click.IntRange(1, 65535))
    path = values["url_path"] or _asked("--url-path", "Which path says that it is well", "/")
    forge = values["ci"] or _asked(
        "--ci", "CI job for", "none", click.Choice(["github", "gitlab", "gitea", "none"])
    )
    scenarios = values["faults"] or ("network_delay",)
    if "dependency_failure" in scenarios and not values["dependency"]:
        raise click.UsageError("--fault dependency_failure needs --dependency, such as db.internal:5432")
    wish = Wish(
        scenario=scenarios[0],
        intensity=values["intensity"],
        hold=values["hold"],
        app=None if app is None else str(app),
        image=image,
        command=command,
        port=port,
        path=path,
        dependency=values["dependency"],
        sandbox=values["sandbox"] or ("container" if image else "local"),
    )
    return InitOptions(
        folder, wish, _name(values["name"], app, image), scenarios, None if forge == "none" else forge
    )


def _asked(flag: str, question: str, default: Any = None, kind: Any = None) -> Any:
    """What a person answers; where nobody is there to ask, the default. Raises click.UsageError without one."""
    if sys.stdin.isatty():
        return click.prompt(question, default=default, type=kind, err=True)
    if default is None:
        raise click.UsageError(f"{flag} is missing: {question.lower()}? (in a terminal you are asked)")
    return default


def _usual(app: Path) -> str | None:
    """How such an app is usually started, going by its files."""
    return next((f"python3 {name}" for name in _USUAL if (app / name).is_file()), None)


def _name(given: str | None, app: Path | None, image: str | None) -> str:
    """A short name for manifests. Raises click.BadParameter."""
    raw = given or (
        app.resolve().name if app else str(image).rpartition("/")[2].partition(":")[0].partition("@")[0]
    )
    kept = "".join(each if each.isascii() and each.isalnum() else "-" for each in raw.lower()).strip("-")
    if not kept or len(kept) > 40 or (given and kept != given):
        raise click.BadParameter(
            f"{raw!r}: expected lower-case letters, digits and dashes, at most 40, such as shop",
            param_hint="--name",
        )
    return kept
