"""Loader of manifests: all problems at once, each with its place.

A file holds one manifest a document. What is wrong with a file is a list of problems; `load` raises them as
one ManifestError, `load_all` hands them back beside what is right, for commands that go through many files.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator

from chaos.errors import ManifestError
from chaos.manifests.beside import FindApp, beside
from chaos.manifests.models.experiment import Experiment
from chaos.manifests.models.game_day import GameDay
from chaos.manifests.places import app_directory, repository
from chaos.manifests.policy import Policy, is_policy, limits, policies_of
from chaos.manifests.validation.checks import inconsistencies
from chaos.manifests.validation.document import validate
from chaos.manifests.validation.game_day_checks import disagreements
from chaos.manifests.yaml import problems
from chaos.manifests.yaml.files import bytes_of
from chaos.manifests.yaml.located import documents, flaws, located
from chaos.manifests.yaml.problems import ManifestProblem, dotted, nearest, unknown
from chaos.manifests.yaml.tree import Tree

AnyManifest = Annotated[Experiment | GameDay, Discriminator("kind")]
KINDS: dict[str, type[Experiment | GameDay]] = {"Experiment": Experiment, "GameDay": GameDay}
"""`kind` of a document -> its model."""


@dataclass(frozen=True)
class Loaded:
    """One experiment, and where everything in it stands."""

    file: str
    manifest: Experiment
    tree: Tree
    root: Path
    """The repository: nothing that the manifest names is outside of it."""
    app: Path | None
    """The app's directory, links resolved."""
    dashboard: Path | None = None
    """The template of its dashboard, when it is not ours."""
    policies: tuple[Policy, ...] = ()
    """Whatever limits it beside its own blast radius: its repository's policy."""
    committed: bool = False
    """Everything beside it is from a commit: nothing of whoever runs it lies among it."""

    def problem(self, path: problems.Path, what: str) -> ManifestProblem:
        """Something that is wrong at `path`, for those who judge a manifest later."""
        return ManifestProblem(self.file, *self.tree.mark(path), dotted(path), what)


@dataclass(frozen=True)
class LoadedDay:
    """One game day, and where everything in it stands."""

    file: str
    manifest: GameDay
    tree: Tree
    root: Path
    """The repository: its experiments are the ones that the day may name."""

    def problem(self, path: problems.Path, what: str) -> ManifestProblem:
        """Something that is wrong at `path`, for those who look whether what it names is there."""
        return ManifestProblem(self.file, *self.tree.mark(path), dotted(path), what)


AnyLoaded = Loaded | LoadedDay


def experiments(loaded: Iterable[AnyLoaded]) -> list[Loaded]:
    """Those that are experiments."""
    return [one for one in loaded if isinstance(one, Loaded)]


def game_days(loaded: Iterable[AnyLoaded]) -> list[LoadedDay]:
    """Those that are game days."""
    return [one for one in loaded if isinstance(one, LoadedDay)]


def load(path: Path | str, root: Path | None = None) -> list[Loaded]:
    """Every experiment of a file. Raises ManifestError with all of the file's problems."""
    loaded, wrong = load_all([path], root)
    if wrong:
        raise ManifestError(*wrong)
    return experiments(loaded)


def load_all(
    paths: Iterable[Path | str], root: Path | None = None
) -> tuple[list[AnyLoaded], list[ManifestProblem]]:
    """Every manifest of these files, and every problem. Names must be unique among them."""
    loaded: list[AnyLoaded] = []
    wrong: list[ManifestProblem] = []
    limited: set[Path] = set()
    with _nothing_collected():
        for path in map(Path, paths):
            if is_policy(path):
                wrong += _noted(path, limited)
                continue
            right, flaws = _load_file(path, root)
            loaded += right
            wrong += flaws
    policies, unreadable = policies_of({*limited, *(one.root for one in loaded)})
    loaded = [
        replace(one, policies=(policies[one.root],))
        if isinstance(one, Loaded) and one.root in policies
        else one
        for one in loaded
    ]
    wrong += unreadable
    wrong += _same_names(loaded)
    return loaded, wrong


def _noted(path: Path, limited: set[Path]) -> list[ManifestProblem]:
    """Note whose policy this is: it is read with those of the manifests."""
    try:
        limited.add(limits(path))
    except ManifestError as error:
        return error.problems
    return []


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Hold the garbage collector back: all of a batch stays alive, and looking it through costs a quarter."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _load_file(path: Path, root: Path | None) -> tuple[list[AnyLoaded], list[ManifestProblem]]:
    try:
        data = bytes_of(path)
    except ManifestError as error:
        return [], error.problems
    return load_bytes(data, path, root)


def load_bytes(
    data: bytes, path: Path, root: Path | None = None, find_app: FindApp = app_directory
) -> tuple[list[AnyLoaded], list[ManifestProblem]]:
    """Every manifest of the content of a file, and every problem; only `find_app` looks whether anything is there."""
    try:
        parts = documents(data, str(path))
    except ManifestError as error:
        return [], error.problems
    root = root or repository(path)
    loaded: list[AnyLoaded] = []
    wrong: list[ManifestProblem] = []
    for document in parts:
        found = _read_document(document, path, root, find_app)
        if isinstance(found, list):
            wrong += found
        else:
            loaded.append(found)
    return loaded, wrong


def _read_document(
    document: Tree, path: Path, root: Path, find_app: FindApp
) -> AnyLoaded | list[ManifestProblem]:
    """The manifest of one document, or all that is wrong with it."""
    file = str(path)
    wrong = flaws(document, file)
    if not isinstance(document.data, dict):
        what = f"expected a mapping (apiVersion, kind, metadata, spec), got {problems.quoted(document.data)}"
        return wrong or [ManifestProblem(file, *document.start, "", what)]
    kind, complaint = _kind_of(document.data)
    said: list[tuple[problems.Path, str]] = [] if complaint is None else [(("kind",), complaint)]
    manifest, invalid = validate(document.data, KINDS[kind])
    said += [(at, what) for at, what in invalid if complaint is None or at != ("kind",)]
    if kind == "GameDay":
        said += disagreements(document.data)
        found: AnyLoaded | None = (
            LoadedDay(file, manifest, document, root) if isinstance(manifest, GameDay) else None
        )
    else:
        found_beside, amiss = beside(document.data, path, root, find_app)
        said += [*inconsistencies(document.data), *amiss]
        found = (
            Loaded(file, manifest, document, root, *found_beside)
            if isinstance(manifest, Experiment)
            else None
        )
    wrong += located(said, document, file)
    if wrong or found is None:
        return sorted(wrong, key=lambda problem: (problem.line, problem.column))
    return found


def _kind_of(data: dict[str, Any]) -> tuple[str, str | None]:
    """The kind to read a document as, and what is wrong with the one it names."""
    kind = data.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return kind, None
    if "kind" not in data:
        return "Experiment", f"missing, but required; one of: {', '.join(KINDS)}"
    if isinstance(kind, str):
        return nearest(kind, KINDS) or "Experiment", unknown(kind, KINDS)
    return "Experiment", f"expected one of: {', '.join(KINDS)}; got {problems.quoted(kind)}"


def _same_names(loaded: Sequence[AnyLoaded]) -> Iterator[ManifestProblem]:
    first: dict[str, ManifestProblem] = {}
    for one in loaded:
        name = one.manifest.metadata.name
        problem = one.problem(("metadata", "name"), "")
        if name in first:
            other = first[name]
            what = f"'{name}' is already the name of {other.file}:{other.line}:{other.column}"
            yield one.problem(("metadata", "name"), what)
        else:
            first[name] = problem
