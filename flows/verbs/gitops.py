"""`chaoslab gitops install-hook`: a push to a bare repository brings Prefect in line before it returns."""

import os
import sys
from pathlib import Path

import click

from chaos.gitops.hook import install
from chaos.gitops.source import Source

_KEPT = ("PATH", "HOME", "PREFECT_API_URL", "CHAOSLAB_STATE_DIR", "XDG_STATE_HOME")
"""What the hook's command gets of this shell: whoever pushes has another environment."""


@click.group()
def gitops() -> None:
    """Ways for a git repository to reach Prefect by itself."""


@gitops.command(name="install-hook")
@click.argument("repository", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--branch", default="main", show_default=True, help="Which branch to follow.")
@click.option("--path", default="experiments", show_default=True, help="The folder of manifests in it.")
@click.option(
    "--out", default="runs", type=click.Path(path_type=Path), show_default=True, help="Where run folders go."
)
def install_hook(repository: Path, branch: str, path: str, out: Path) -> None:
    """Install a post-receive hook in REPOSITORY: each push runs `chaoslab sync`, whose output shows in the push."""
    source = Source(str(repository.absolute()), branch, path)
    program = Path(sys.argv[0]).absolute()
    start = [str(program)] if os.access(program, os.X_OK) else [sys.executable, "-m", "flows.main"]
    command = [*start, "sync", source.url, "--branch", branch, "--path", path, "--out", str(out.absolute())]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    click.echo(f"installed {install(repository.absolute(), command, branch, kept)}")
