"""Reader of a commit: its desired state. Files are parsed from blobs; none is written to disk or run."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from chaos.gitops.consistency import consistent
from chaos.gitops.finding import LFS, find
from chaos.gitops.limits import CommitLimits, limits_of
from chaos.gitops.naming import NOTHING_KNOWN, named_in
from chaos.gitops.repository.cache import Cache, Row
from chaos.gitops.repository.contents import ROOT as _ROOT
from chaos.gitops.repository.contents import Contents
from chaos.gitops.repository.git import NotThere
from chaos.gitops.repository.mirror import Mirror, TreeEntry
from chaos.gitops.wanted import BrokenFile, Desired, DesiredDeployment
from chaos.manifests.beside import FindApp
from chaos.manifests.digests import day_digest
from chaos.manifests.load import Loaded, LoadedDay, experiments, game_days, load_bytes
from chaos.manifests.referring import references
from chaos.manifests.yaml.problems import ManifestProblem
from chaos.planning.app_source import AppFiles
from chaos.planning.plan import Plan, draw


def read(mirror: Mirror, commit: str, holders: Mapping[str, str] | None = None) -> Desired:
    """All that a commit asks for, in the folder that is followed.

    `holders` says by path who has a name now that more than one file asks for (`Desired.contested`).
    Raises GitError (NotThere when that folder is not), and ManifestError for a policy that cannot be read: then
    nothing of the commit counts.
    """
    entries = mirror.entries(commit)
    whole = Contents(entries)
    folder = str(PurePosixPath(mirror.source.path))
    if missing := whole.missing(folder):
        raise NotThere(f"{mirror.source.name}: {mirror.source.branch} at {commit[:12]} {missing}")
    found = find(mirror, commit, entries, folder)
    rows, broken = _rows(mirror, commit, found.files, whole, limits_of(mirror, commit, entries))
    wanted, clashes = _named(_wanted(rows, whole.trees), holders or {})
    contested = frozenset(name for each in clashes for name in each.names)
    every = (*found.refused, *broken, *clashes)
    return consistent(Desired(mirror.source.name, commit, wanted, every, contested))


def apps_of(
    path: str, content: bytes, entries: Iterable[TreeEntry]
) -> tuple[set[str], list[ManifestProblem]]:
    """The folders of the apps and the templates that a manifest of a commit names, and what is wrong with it.

    Templates beside one that is named come with it: it may import them.
    """
    entries = list(entries)
    loaded, wrong = load_bytes(content, Path(path), _ROOT, Contents(entries).find_app)
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


def _rows(
    mirror: Mirror, commit: str, files: Sequence[TreeEntry], whole: Contents, limits: CommitLimits
) -> tuple[dict[str, Row], list[BrokenFile]]:
    """Path -> what it asks for; what is remembered is not parsed again."""
    cache = Cache(mirror.git.folder.with_suffix(".manifests"))
    known = cache.known()
    keys = {entry.path: (entry.oid + limits.oid, entry.path) for entry in files}
    rows = {
        path: said
        for path, key in keys.items()
        if (said := known.get(key)) is not None and _apps_there(said, whole)
    }
    new = [entry for entry in files if entry.path not in rows]
    contents = mirror.blobs(commit, (entry.oid for entry in new))
    fresh: dict[tuple[str, str], Row] = {}
    broken: list[BrokenFile] = []
    for entry in new:
        content = contents[entry.oid]
        rows[entry.path], problems = _parsed(entry.path, content, whole.find_app, limits)
        if problems:
            broken.append(_broken(entry.path, problems, content))
        else:
            fresh[keys[entry.path]] = rows[entry.path]
    gone = known.keys() - set(keys.values())
    if fresh or gone:
        cache.keep(fresh, gone)
    return rows, broken


def _broken(path: str, problems: tuple[str, ...], content: bytes | None) -> BrokenFile:
    readable = content is not None and not content.startswith(LFS)
    named = named_in(content) if content is not None and readable else NOTHING_KNOWN
    return BrokenFile(path, problems, named.names, named.certain, readable)


def _apps_there(row: Row, whole: Contents) -> bool:
    return all(said["app"] is None or whole.has_app(said["app"]) for said in row)


def _parsed(
    path: str, content: bytes | None, find_app: FindApp, limits: CommitLimits
) -> tuple[Row, tuple[str, ...]]:
    if content is None:
        return [], (f"{path}:1:1: larger than 256KiB; a manifest is not",)
    if content.startswith(LFS):
        return [], (f"{path}:1:1: is a Git LFS pointer; a manifest is kept in git itself",)
    loaded, wrong = load_bytes(content, Path(path), _ROOT, find_app)
    row: Row = []
    problems = list(wrong)
    for one in experiments(loaded):
        limited = replace(one, policies=limits.policies)
        drawn, refusals = draw(limited, look=lambda app: AppFiles("", 0, 0))
        problems += refusals
        if not refusals:
            row.append(_as_wanted(one, path, drawn).to_json())
    row += [_day_as_wanted(one, path).to_json() for one in game_days(loaded)]
    return row, tuple(map(str, problems))


def _as_wanted(loaded: Loaded, path: str, drawn: Plan) -> DesiredDeployment:
    manifest, spec = loaded.manifest, loaded.manifest.spec
    return DesiredDeployment(
        name=manifest.metadata.name,
        path=path,
        push_digest=drawn.digest,
        spec_digest=drawn.spec_digest,
        hypothesis=spec.hypothesis,
        labels=dict(manifest.metadata.labels),
        cron=spec.schedule.cron if spec.schedule else None,
        timezone=spec.schedule.timezone if spec.schedule else "UTC",
        suspend=spec.suspend,
        on_push=spec.on_push,
        depends_on=spec.depends_on,
        app=None if loaded.app is None else str(loaded.app.relative_to(_ROOT)),
    )


def _day_as_wanted(day: LoadedDay, path: str) -> DesiredDeployment:
    """It runs when its schedule says so, or when somebody starts it; never because of a push."""
    manifest, spec = day.manifest, day.manifest.spec
    return DesiredDeployment(
        name=manifest.metadata.name,
        path=path,
        push_digest=day_digest(spec, {}),
        spec_digest=day_digest(spec, {}),
        hypothesis=spec.purpose,
        labels=dict(manifest.metadata.labels),
        cron=spec.schedule.cron,
        timezone=spec.schedule.timezone,
        suspend=spec.suspend,
        on_push=False,
        experiments=tuple(sorted({each.entry.name for each in references(spec)})),
    )


def _wanted(rows: Mapping[str, Row], trees: Mapping[str, str]) -> Iterator[DesiredDeployment]:
    for path in sorted(rows):
        for said in rows[path]:
            digest = said["push_digest"]
            if said["app"] is not None:
                whole = f"{digest}\0{trees[said['app']]}"
                digest = "sha256:" + hashlib.sha256(whole.encode()).hexdigest()
            yield DesiredDeployment.from_json({**said, "push_digest": digest})


def _named(
    all_of_them: Iterable[DesiredDeployment], holders: Mapping[str, str]
) -> tuple[dict[str, DesiredDeployment], list[BrokenFile]]:
    """By name; of two files with one name the one that holds it has it, else the first by path."""
    asking: dict[str, list[DesiredDeployment]] = {}
    for one in all_of_them:
        asking.setdefault(one.name, []).append(one)
    wanted: dict[str, DesiredDeployment] = {}
    clashes: list[BrokenFile] = []
    for name, same in asking.items():
        has = next((one for one in same if one.path == holders.get(name)), same[0])
        wanted[name] = has
        for one in same:
            if one is not has:
                said = f"{one.path}:1:1 metadata.name: '{name}' is already the name of {has.path}"
                clashes.append(BrokenFile(one.path, (said,), frozenset({name})))
    return wanted, clashes
