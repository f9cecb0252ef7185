"""Manifests of a commit: which entries are manifests, and which look like some but are not read, with the reason.

A folder called `apps`, which holds what is experimented on, is left out, and so is what is hidden unless it holds a
manifest. Nothing else is left out without a word.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from chaos.gitops.repository.mirror import Mirror, TreeEntry
from chaos.gitops.wanted import BrokenFile
from chaos.manifests.policy import MISNAMED, NAME, misplaced
from chaos.manifests.yaml.files import SUFFIXES

MOST_MANIFESTS = 20_000
LFS = b"version https://git-lfs.github.com/spec/"
"""How a pointer to a file begins that is kept elsewhere. Source: git-lfs, docs/spec.md."""
_OURS = re.compile(rb"^[ \t]*[\"']?apiVersion[\"']?[ \t]*:[ \t]*[\"']?chaoslab/", re.MULTILINE)
_MOST_LINKS = 8


@dataclass(frozen=True, slots=True)
class ManifestFolder:
    """The manifests of a folder, and what was refused there."""

    files: tuple[TreeEntry, ...]
    refused: tuple[BrokenFile, ...]


def find(mirror: Mirror, commit: str, entries: Iterable[TreeEntry], folder: str) -> ManifestFolder:
    """Sort out what a commit has in a folder (`.` is all of it). Raises GitError."""
    entries = list(entries)
    inside = [entry for entry in entries if not entry.is_tree and _is_inside(entry.path, folder)]
    seen = [entry for entry in inside if not _is_hidden(entry.path, folder)]
    links = _Links(mirror, commit, {entry.path: entry for entry in entries})
    refused = [_refusal(entry, why) for entry in seen if (why := _reason(entry, links))]
    refused += _hidden(mirror, commit, [entry for entry in inside if _is_hidden(entry.path, folder)])
    wrong = {each.path for each in refused}
    files = [
        entry for entry in seen if entry.is_file and _is_manifest(entry.path) and entry.shown not in wrong
    ]
    return ManifestFolder(tuple(files[:MOST_MANIFESTS]), (*refused, *_too_many(files)))


def _is_inside(path: str, folder: str) -> bool:
    """In the folder, in none called `apps`; by text alone, because there may be ten thousand."""
    if path in (NAME, MISNAMED) or (folder != "." and not path.startswith(f"{folder}/")):
        return False
    return "apps" not in _below(path, folder)[:-1]


def _below(path: str, folder: str) -> list[str]:
    return path.removeprefix(f"{folder}/").split("/")


def _is_hidden(path: str, folder: str) -> bool:
    return any(each.startswith(".") for each in _below(path, folder))


def _is_manifest(path: str) -> bool:
    return path.endswith(SUFFIXES)


def _reason(entry: TreeEntry, links: "_Links") -> str:
    """Why this entry is not read though it may be a manifest, or hold some; empty when there is no reason."""
    looks = entry.path.lower().endswith(SUFFIXES)
    if entry.is_repository:
        return "is another repository (a submodule), which is not read; follow it by its own address"
    if entry.is_link:
        return "is a link; expected a YAML file" if looks else links.reason(entry)
    if not looks:
        return ""
    if not entry.is_utf8:
        return "a name that is not UTF-8; rename it"
    if not entry.path.isprintable():
        return "a control character in the name; expected none"
    if not _is_manifest(entry.path):
        return f"its name ends in {posixpath.splitext(entry.path)[1]}; a manifest's ends in .yaml or .yml"
    return misplaced(NAME) if entry.path.endswith((f"/{NAME}", f"/{MISNAMED}")) else ""


def _refusal(entry: TreeEntry, why: str) -> BrokenFile:
    return BrokenFile(entry.shown, (f"{entry.shown}:1:1: {why}",), certain=False, readable=False)


def _hidden(mirror: Mirror, commit: str, entries: list[TreeEntry]) -> Iterator[BrokenFile]:
    """Of what is hidden only what holds a manifest: all else was never meant for us."""
    files = [entry for entry in entries if entry.is_file and entry.path.lower().endswith(SUFFIXES)]
    contents = mirror.blobs(commit, (entry.oid for entry in files))
    for entry in files:
        content = contents[entry.oid]
        if content is not None and _OURS.search(content):
            yield _refusal(
                entry, "holds a manifest, and is hidden; a name that begins with a dot is not read"
            )


def _too_many(files: list[TreeEntry]) -> Iterator[BrokenFile]:
    if len(files) > MOST_MANIFESTS:
        first = files[MOST_MANIFESTS].path
        why = f"{first}:1:1: {len(files):,} manifests; at most {MOST_MANIFESTS:,} are read"
        yield BrokenFile(first, (why,), certain=False, readable=False)


class _Links:
    """Where the links of a commit lead."""

    def __init__(self, mirror: Mirror, commit: str, entries: Mapping[str, TreeEntry]) -> None:
        self._mirror, self._commit, self._entries = mirror, commit, entries

    def reason(self, link: TreeEntry) -> str:
        """Why a link is to be told of: it leads, or may lead, to a folder. Raises GitError."""
        path = link.path
        for _ in range(_MOST_LINKS):
            entry = self._entries.get(path)
            if entry is None:  # outside of the commit: what looks like a file is one
                return (
                    "" if posixpath.splitext(link.path)[1] else "is a link that leads out of the repository"
                )
            if entry.is_tree or entry.is_repository:
                return "is a link to a folder, which is not followed; move the manifests here"
            if not entry.is_link:
                return ""
            path = self._target(entry)
        return "is a link to itself"

    def _target(self, link: TreeEntry) -> str:
        content = self._mirror.blobs(self._commit, [link.oid])[link.oid] or b"/"
        aim = content.decode(errors="surrogateescape")
        return posixpath.normpath(posixpath.join(posixpath.dirname(link.path), aim))
