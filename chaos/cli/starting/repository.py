"""A repository of experiments for an app: manifests, the schema that editors know them by, a CI job.

Nothing is written before everything was found to be right, nothing that is there is overwritten, and what was written
before something went wrong after all is taken away again.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from typing import Any, Literal

import yaml

from chaos.errors import ChaosLabError, ManifestError
from chaos.manifests.ad_hoc import Wish, written
from chaos.manifests.load import experiments, load_all
from chaos.manifests.schema import text as schema_text
from chaos.planning.app_secrets import FOLDERS, look_like_secrets
from chaos.planning.app_source import LEFT_OUT, survey
from chaos.planning.plan import draw

Forge = Literal["github", "gitlab", "gitea"]
SCENARIOS = ("network_delay", "memory_pressure", "disk_full", "process_kill", "dependency_failure")
JOBS: Mapping[Forge, tuple[str, str]] = {
    "github": ("github.yaml", ".github/workflows/chaoslab.yaml"),
    "gitea": ("github.yaml", ".gitea/workflows/chaoslab.yaml"),
    "gitlab": ("gitlab.yaml", ".gitlab-ci.yml"),
}
"""Which of our files becomes which of the repository's."""
FOLDER = "experiments"
_IGNORED = "runs/\n.env\n"
_MOST_BYTES = 512 * 1024 * 1024


class StartError(ChaosLabError):
    """The repository cannot be begun as asked."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What a person wants."""

    folder: Path
    """The repository; made when it is not there."""
    wish: Wish
    """The app, and how hard; its scenario is replaced by each of `scenarios`."""
    name: str
    """The app's, which experiments are called after."""
    scenarios: Sequence[str] = ("network_delay",)
    forge: Forge | None = None


def begin(start: InitOptions) -> list[Path]:
    """Write it all; the files that are new, the copy of the app as one. Raises StartError and ManifestError."""
    app = _app(start)
    files = {
        start.folder / FOLDER / f"{start.name}-{scenario.replace('_', '-')}.yaml": _manifest(
            start, app, scenario
        )
        for scenario in start.scenarios
    }
    there = sorted(str(each) for each in files if each.exists())
    if there:
        raise StartError(
            f"{there[0]}: is there already, and is not overwritten; choose another --name or folder"
        )
    if start.forge is not None:
        source, target = JOBS[start.forge]
        files[start.folder / target] = (Path(__file__).parent / source).read_text()
    files[start.folder / ".gitignore"] = _IGNORED
    made: list[Path] = []
    with _taken_back(made):
        _git(start.folder, made)
        if start.wish.app is not None and not app.exists():
            _copy(Path(start.wish.app), app, made)
        for path, text in files.items():
            if not path.exists():
                _write(path, text, made)
        _check([path for path in files if path.is_relative_to(start.folder / FOLDER)])
        (start.folder / FOLDER / "schema.json").write_text(schema_text())
    return [path for path in made if path in files or path == app or path.name == ".git"]


def _app(start: InitOptions) -> Path:
    """Where the app is, or will be, in the repository. Raises StartError."""
    if start.wish.app is None:
        return start.folder
    given, root = Path(start.wish.app).resolve(), start.folder.resolve()
    if root.is_relative_to(given):
        why = "holds the repository itself, so that every change of a manifest would change the app"
        raise StartError(f"{start.wish.app}: {why}; move the app into a folder of its own, such as app/")
    if given.is_relative_to(root):
        return given
    if (wrong := survey(given).wrong) or survey(given).bytes > _MOST_BYTES:
        raise StartError(f"{start.wish.app}: {wrong[0] if wrong else 'larger than 512 MiB'}")
    copied = start.folder / FOLDER / "apps" / start.name
    if copied.exists():
        raise StartError(f"{copied}: is there already; name it by --app, or choose another --name")
    return copied


def _manifest(start: InitOptions, app: Path, scenario: str) -> str:
    """One manifest, as its author would have written it. Raises ManifestError."""
    data: dict[str, Any] = deepcopy(dict(written(replace(start.wish, scenario=scenario)).tree.data))
    slug = f"{start.name}-{scenario.replace('_', '-')}"
    data["metadata"] = {"name": slug, "labels": {"app": start.name}}
    if start.wish.app is not None:
        data["spec"]["target"]["app"] = relpath(app.resolve(), (start.folder / FOLDER).resolve())
    head = f"# yaml-language-server: $schema=schema.json\n# chaoslab run {FOLDER}/{slug}.yaml\n"
    return head + yaml.safe_dump(
        data, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )


def _git(folder: Path, made: list[Path]) -> None:
    """Make it a git repository, unless it is in one. Raises StartError."""
    if any((one / ".git").exists() for one in (folder.resolve(), *folder.resolve().parents)):
        return
    _folders(folder, made)
    made.append(folder / ".git")
    try:
        subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise StartError(f"{folder}: git init failed ({error}); git is in Debian's package git") from error


def _copy(app: Path, target: Path, made: list[Path]) -> None:
    """The app's files, without what developing it leaves behind and what must stay secret."""
    _folders(target.parent, made)
    made.append(target)
    developing = shutil.ignore_patterns(*LEFT_OUT, "*.pyc")

    def left_out(folder: str, names: list[str]) -> set[str]:
        where = Path(folder)
        files = [name for name in names if not (where / name).is_dir()]
        return {*developing(folder, names), *look_like_secrets(where, files), *(FOLDERS & set(names))}

    shutil.copytree(app, target, symlinks=True, ignore=left_out)


def _write(path: Path, text: str, made: list[Path]) -> None:
    _folders(path.parent, made)
    made.append(path)
    path.write_text(text)


def _folders(folder: Path, made: list[Path]) -> None:
    for each in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        made.append(each)
        each.mkdir()


def _check(manifests: Sequence[Path]) -> None:
    """They are valid together, and can be carried out. Raises ManifestError."""
    loaded, wrong = load_all(manifests)
    refusals = [problem for one in experiments(loaded) for problem in draw(one)[1]]
    if wrong or refusals:
        raise ManifestError(*wrong, *refusals)


@contextmanager
def _taken_back(made: list[Path]) -> Iterator[None]:
    """Remove what was made when the rest fails. Raises StartError for what the disk refuses."""
    try:
        yield
    except (OSError, ChaosLabError) as error:
        for path in reversed(made):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StartError(f"{error.filename or made[0]}: {error.strerror or error}") from error
        raise
