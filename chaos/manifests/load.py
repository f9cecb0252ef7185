"""From files to manifests: all problems at once, each where it is.

A file holds one manifest a document. What is wrong with a file is a list of problems; `load` raises them as
one ManifestError, `load_all` hands them back beside what is right, for commands that go through many files.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chaos.errors import ManifestError
from chaos.manifests import problems
from chaos.manifests.checks import inconsistencies
from chaos.manifests.experiment import Experiment
from chaos.manifests.files import bytes_of
from chaos.manifests.located import documents, flaws, located
from chaos.manifests.places import app_directory, repository, template_file
from chaos.manifests.policy import Policy, is_policy, limits, policies_of
from chaos.manifests.problems import Problem, dotted, nearest, unknown
from chaos.manifests.tree import Tree
from chaos.manifests.validation import validate

AnyManifest = Experiment
KINDS: dict[str, type[Experiment]] = {"Experiment": Experiment}
"""`kind` of a document -> its model."""


FindApp = Callable[[Path, str, Path], Path]
"""Manifest, what its `app` says, repository -> the app's directory. Raises ValueError when it must not or cannot be."""


@dataclass(frozen=True)
class Loaded:
    """One manifest, and where everything in it stands."""

    file: str
    manifest: AnyManifest
    tree: Tree
    root: Path
    """The repository: nothing that the manifest names is outside of it."""
    app: Path | None
    """The app's directory, links resolved."""
    dashboard: Path | None = None
    """The template of its dashboard, when it is not ours."""
    policies: tuple[Policy, ...] = ()
    """Whatever limits it beside its own blast radius: its repository's policy."""

    def problem(self, path: problems.Path, what: str) -> Problem:
        """Something that is wrong at `path`, for those who judge a manifest later."""
        return Problem(self.file, *self.tree.mark(path), dotted(path), what)


def load(path: Path | str, root: Path | None = None) -> list[Loaded]:
    """Every manifest of a file. Raises ManifestError with all of its problems."""
    loaded, wrong = load_all([path], root)
    if wrong:
        raise ManifestError(*wrong)
    return loaded


def load_all(paths: Iterable[Path | str], root: Path | None = None) -> tuple[list[Loaded], list[Problem]]:
    """Every manifest of these files, and every problem. Names must be unique among them."""
    loaded: list[Loaded] = []
    wrong: list[Problem] = []
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
    loaded = [replace(one, policies=(policies[one.root],)) if one.root in policies else one for one in loaded]
    wrong += unreadable
    wrong += _same_names(loaded)
    return loaded, wrong


def _noted(path: Path, limited: set[Path]) -> list[Problem]:
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


def _load_file(path: Path, root: Path | None) -> tuple[list[Loaded], list[Problem]]:
    try:
        data = bytes_of(path)
    except ManifestError as error:
        return [], error.problems
    return load_bytes(data, path, root)


def load_bytes(
    data: bytes, path: Path, root: Path | None = None, find_app: FindApp = app_directory
) -> tuple[list[Loaded], list[Problem]]:
    """Every manifest of the content of a file, and every problem; only `find_app` looks whether anything is there."""
    try:
        parts = documents(data, str(path))
    except ManifestError as error:
        return [], error.problems
    root = root or repository(path)
    loaded: list[Loaded] = []
    wrong: list[Problem] = []
    for document in parts:
        found = _read_document(document, path, root, find_app)
        if isinstance(found, Loaded):
            loaded.append(found)
        else:
            wrong += found
    return loaded, wrong


def _read_document(document: Tree, path: Path, root: Path, find_app: FindApp) -> Loaded | list[Problem]:
    """The manifest of one document, or all that is wrong with it."""
    file = str(path)
    wrong = flaws(document, file)
    if not isinstance(document.data, dict):
        what = f"expected a mapping (apiVersion, kind, metadata, spec), got {problems.quoted(document.data)}"
        return wrong or [Problem(file, *document.start, "", what)]
    kind, complaint = _kind_of(document.data)
    said: list[tuple[problems.Path, str]] = [] if complaint is None else [(("kind",), complaint)]
    manifest, invalid = validate(document.data, KINDS[kind])
    said += [(at, what) for at, what in invalid if complaint is None or at != ("kind",)]
    said += inconsistencies(document.data)
    app: Path | None = None
    try:
        app = _app_of(document.data, path, root, find_app)
    except ValueError as error:
        said.append((("spec", "target", "app"), str(error)))
    template: Path | None = None
    try:
        template = _template_of(document.data, path, root, find_app)
    except ValueError as error:
        said.append((("spec", "dashboard"), str(error)))
    wrong += located(said, document, file)
    if wrong or manifest is None:
        return sorted(wrong, key=lambda problem: (problem.line, problem.column))
    return Loaded(file, manifest, document, root, app, template)


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


def _app_of(data: dict[str, Any], path: Path, root: Path, find_app: FindApp) -> Path | None:
    spec = data.get("spec")
    target = spec.get("target") if isinstance(spec, dict) else None
    app = target.get("app") if isinstance(target, dict) else None
    if not isinstance(app, str) or not app or "\0" in app:
        return None
    return find_app(path, app, root)


def _template_of(data: dict[str, Any], path: Path, root: Path, find_app: FindApp) -> Path | None:
    spec = data.get("spec")
    template = spec.get("dashboard") if isinstance(spec, dict) else None
    if not isinstance(template, str) or not template.endswith(".j2") or "\0" in template:
        return None
    return template_file(path, template, root, find_app)


def _same_names(loaded: Sequence[Loaded]) -> Iterator[Problem]:
    first: dict[str, Problem] = {}
    for one in loaded:
        name = one.manifest.metadata.name
        problem = one.problem(("metadata", "name"), "")
        if name in first:
            other = first[name]
            what = f"'{name}' is already the name of {other.file}:{other.line}:{other.column}"
            yield one.problem(("metadata", "name"), what)
        else:
            first[name] = problem
