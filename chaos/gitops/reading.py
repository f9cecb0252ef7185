"""A commit -> what it asks for. Files are parsed from their blobs; none is ever written down or run."""

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from chaos.app_files import AppFiles
from chaos.gitops.cache import Cache, Row
from chaos.gitops.consistency import consistent
from chaos.gitops.limits import Limits, limits_of
from chaos.gitops.mirror import Entry, Mirror
from chaos.gitops.wanted import Broken, Desired, Wanted
from chaos.manifests.beside import FindApp
from chaos.manifests.files import SUFFIXES
from chaos.manifests.game_day_digest import digest_of
from chaos.manifests.load import Loaded, LoadedDay, experiments, game_days, load_bytes
from chaos.manifests.policy import MISNAMED, NAME, misplaced
from chaos.manifests.problems import Problem
from chaos.manifests.referring import references
from chaos.plan import draw

MOST_MANIFESTS = 20_000
_ROOT = Path("/")
"""Paths of a repository are read as if it were the root of a disk; then none can lead out of it."""


def read(mirror: Mirror, commit: str) -> Desired:
    """All that a commit asks for, in the folder that is followed.

    Raises GitError, and ManifestError for a policy that cannot be read: then nothing of the commit counts.
    """
    entries = mirror.entries(commit)
    trees = {entry.path: entry.oid for entry in entries if entry.is_tree}
    folder = str(PurePosixPath(mirror.source.path))
    files = [entry for entry in entries if _is_manifest(entry, folder)]
    refused = [*_refused(files), *_too_many(files)]
    good = [entry for entry in files if _is_readable(entry)][:MOST_MANIFESTS]
    rows, broken = _rows(mirror, commit, good, trees, limits_of(mirror, commit, entries))
    wanted, clashes = _named(_wanted(rows, trees))
    return consistent(Desired(mirror.source.name, commit, wanted, (*refused, *broken, *clashes)))


def apps_of(path: str, content: bytes, entries: Iterable[Entry]) -> tuple[set[str], list[Problem]]:
    """The folders of the apps and the templates that a manifest of a commit names, and what is wrong with it.

    Templates beside one that is named come with it: it may import them.
    """
    entries = list(entries)
    trees = {entry.path: entry.oid for entry in entries if entry.is_tree}
    loaded, wrong = load_bytes(content, Path(path), _ROOT, _finder(trees))
    apps = {str(one.app.relative_to(_ROOT)) for one in experiments(loaded) if one.app is not None}
    folders = {
        one.dashboard.relative_to(_ROOT).parent for one in experiments(loaded) if one.dashboard is not None
    }
    templates = {
        entry.path
        for entry in entries
        if entry.is_file and entry.path.endswith(".j2") and Path(entry.path).parent in folders
    }
    return apps | templates, wrong


def _is_manifest(entry: Entry, folder: str) -> bool:
    """As `manifests.files` finds them on a disk; by text alone, because there may be ten thousand."""
    if entry.is_tree or not entry.path.endswith(SUFFIXES):
        return False
    if entry.path in (NAME, MISNAMED):
        return False
    if folder != "." and not f"{entry.path}/".startswith(f"{folder}/"):
        return False
    *folders, name = entry.path.removeprefix(f"{folder}/").split("/")
    return not (name.startswith(".") or any(each.startswith(".") or each == "apps" for each in folders))


def _refused(files: Iterable[Entry]) -> Iterator[Broken]:
    for entry in files:
        name = entry.path if _printable(entry.path) else ascii(entry.path)
        if not _printable(entry.path):
            yield Broken(name, (f"{name}:1:1: a control character in the name; expected none",))
        elif not entry.is_file:
            what = "a link" if entry.mode == "120000" else "another repository"
            yield Broken(name, (f"{name}:1:1: is {what}; expected a YAML file",))
        elif not _is_readable(entry):
            yield Broken(name, (f"{name}:1:1: {misplaced(NAME)}",))


def _too_many(files: list[Entry]) -> Iterator[Broken]:
    if len(files) > MOST_MANIFESTS:
        first = files[MOST_MANIFESTS].path
        yield Broken(first, (f"{first}:1:1: {len(files):,} manifests; at most {MOST_MANIFESTS:,} are read",))


def _is_readable(entry: Entry) -> bool:
    return entry.is_file and _printable(entry.path) and not entry.path.endswith((f"/{NAME}", f"/{MISNAMED}"))


def _printable(path: str) -> bool:
    return path.isprintable()


def _rows(
    mirror: Mirror, commit: str, files: list[Entry], trees: Mapping[str, str], limits: Limits
) -> tuple[dict[str, Row], list[Broken]]:
    """Path -> what it asks for; what is remembered is not parsed again."""
    cache = Cache(mirror.git.folder.with_suffix(".manifests"))
    known = cache.known()
    keys = {entry.path: (entry.oid + limits.oid, entry.path) for entry in files}
    rows = {
        path: said
        for path, key in keys.items()
        if (said := known.get(key)) is not None and _apps_there(said, trees)
    }
    new = [entry for entry in files if entry.path not in rows]
    contents = mirror.blobs(commit, (entry.oid for entry in new))
    fresh: dict[tuple[str, str], Row] = {}
    broken: list[Broken] = []
    for entry in new:
        rows[entry.path], problems = _parsed(entry.path, contents[entry.oid], _finder(trees), limits)
        if problems:
            broken.append(Broken(entry.path, problems))
        else:
            fresh[keys[entry.path]] = rows[entry.path]
    gone = known.keys() - set(keys.values())
    if fresh or gone:
        cache.keep(fresh, gone)
    return rows, broken


def _apps_there(row: Row, trees: Mapping[str, str]) -> bool:
    return all(said["app"] is None or said["app"] in trees for said in row)


def _parsed(
    path: str, content: bytes | None, find_app: FindApp, limits: Limits
) -> tuple[Row, tuple[str, ...]]:
    if content is None:
        return [], (f"{path}:1:1: larger than 256KiB; a manifest is not",)
    loaded, wrong = load_bytes(content, Path(path), _ROOT, find_app)
    row: Row = []
    problems = list(wrong)
    for one in experiments(loaded):
        limited = replace(one, policies=limits.policies)
        drawn, refusals = draw(limited, look=lambda app: AppFiles("", 0, 0))
        problems += refusals
        if not refusals:
            row.append(_as_wanted(one, path, drawn.digest).to_json())
    row += [_day_as_wanted(one, path).to_json() for one in game_days(loaded)]
    return row, tuple(map(str, problems))


def _as_wanted(loaded: Loaded, path: str, digest: str) -> Wanted:
    manifest, spec = loaded.manifest, loaded.manifest.spec
    return Wanted(
        name=manifest.metadata.name,
        path=path,
        digest=digest,
        hypothesis=spec.hypothesis,
        labels=dict(manifest.metadata.labels),
        cron=spec.schedule.cron if spec.schedule else None,
        timezone=spec.schedule.timezone if spec.schedule else "UTC",
        suspend=spec.suspend,
        on_push=spec.on_push,
        depends_on=spec.depends_on,
        app=None if loaded.app is None else str(loaded.app.relative_to(_ROOT)),
    )


def _day_as_wanted(day: LoadedDay, path: str) -> Wanted:
    """It runs when its schedule says so, or when somebody starts it; never because of a push."""
    manifest, spec = day.manifest, day.manifest.spec
    return Wanted(
        name=manifest.metadata.name,
        path=path,
        digest=digest_of(spec, {}),
        hypothesis=spec.purpose,
        labels=dict(manifest.metadata.labels),
        cron=spec.schedule.cron,
        timezone=spec.schedule.timezone,
        suspend=spec.suspend,
        on_push=False,
        experiments=tuple(sorted({each.entry.name for each in references(spec)})),
    )


def _finder(trees: Mapping[str, str]) -> Callable[[Path, str, Path], Path]:
    """Find an app's directory among a commit's folders."""

    def find(manifest: Path, app: str, root: Path) -> Path:
        if posixpath.isabs(app):
            raise ValueError(f"'{app}' is absolute; write it relative to this file")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(str(manifest)), app))
        if found == ".." or found.startswith("../"):
            raise ValueError(f"'{app}' leaves the repository")
        if found not in trees:
            raise ValueError(f"'{app}' is not a directory of this commit")
        return root / found

    return find


def _wanted(rows: Mapping[str, Row], trees: Mapping[str, str]) -> Iterator[Wanted]:
    for path in sorted(rows):
        for said in rows[path]:
            digest = said["digest"]
            if said["app"] is not None:
                whole = f"{digest}\0{trees[said['app']]}"
                digest = "sha256:" + hashlib.sha256(whole.encode()).hexdigest()
            yield Wanted.from_json({**said, "digest": digest})


def _named(all_of_them: Iterable[Wanted]) -> tuple[dict[str, Wanted], list[Broken]]:
    """By name; of two files with one name the first by path has it."""
    wanted: dict[str, Wanted] = {}
    clashes: list[Broken] = []
    for one in all_of_them:
        other = wanted.setdefault(one.name, one)
        if other is not one:
            said = f"{one.path}:1:1 metadata.name: '{one.name}' is already the name of {other.path}"
            clashes.append(Broken(one.path, (said,)))
    return wanted, clashes
