"""Pinned game day: a day and its experiments as they are at one commit, like `chaos.gitops.pinned`."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from chaos.errors import ManifestError
from chaos.gitops.limits import policies_for
from chaos.gitops.pinned import load_pinned
from chaos.gitops.repository.mirror import Mirror, TreeEntry
from chaos.manifests.load import Loaded, LoadedDay, game_days, load_all
from chaos.manifests.referring import names_in, references, resolve
from chaos.manifests.yaml.files import SUFFIXES


def load_pinned_day(
    mirror: Mirror, commit: str, path: str, name: str | None, folder: Path
) -> tuple[LoadedDay, dict[str, Loaded]]:
    """The game day of that name in one manifest at a commit, and the experiments that it names, with their apps.

    Raises GitError when the commit cannot be had or lacks it, ManifestError for what is wrong with it.
    """
    load_pinned(mirror, commit, path, folder)
    root = folder / commit
    day = the_day(root / path, name, root)
    wanted = {each.entry.name for each in references(day.manifest.spec)}
    entries = [each for each in mirror.entries(commit) if _may_hold(each, path)]
    contents = mirror.blobs(commit, (each.oid for each in entries))
    for entry in entries:
        content = contents[entry.oid]
        if content is not None and names_in(content) & wanted:
            try:
                load_pinned(mirror, commit, entry.path, folder)
            except ManifestError:
                continue  # when it holds what is needed, that is said of the day
    found, wrong = resolve(day)
    if wrong:
        raise ManifestError(*wrong)
    policies = policies_for(mirror, commit, mirror.entries(commit))
    return day, {each: replace(one, policies=policies, committed=True) for each, one in found.items()}


def the_day(file: Path, name: str | None, root: Path | None = None) -> LoadedDay:
    """The game day that is meant. Raises ManifestError."""
    loaded, wrong = load_all([file], root)
    if wrong:
        raise ManifestError(*wrong)
    found = {each.manifest.metadata.name: each for each in game_days(loaded)}
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    raise ManifestError(f"{file}: say which game day by its name; it holds: {', '.join(found) or 'none'}")


def _may_hold(entry: TreeEntry, day: str) -> bool:
    """Whether it is a manifest of the same folder of experiments, as `resolve` looks for them."""
    if not entry.is_file or not entry.path.endswith(SUFFIXES) or entry.path == day:
        return False
    above = PurePosixPath(day).parents
    folder = next((each for each in reversed(above) if each.name == "experiments"), PurePosixPath("."))
    inside = PurePosixPath(entry.path)
    return inside.is_relative_to(folder) and "apps" not in inside.relative_to(folder).parts[:-1]
