"""Contents of a commit by path: its folders, and why a named one is not there. Pure."""

import posixpath
from collections.abc import Iterable
from pathlib import Path

from chaos.gitops.repository.mirror import TreeEntry

ROOT = Path("/")
"""Paths of a repository are read as if it were the root of a disk; then none can lead out of it."""
_MOST_NAMED = 8


class Contents:
    """The entries of one commit."""

    def __init__(self, entries: Iterable[TreeEntry]) -> None:
        self._entries = {entry.path: entry for entry in entries}
        self.trees = {path: entry.oid for path, entry in self._entries.items() if entry.is_tree}
        """Folder -> its id: equal ids, equal content."""
        self._submodules = [path for path, entry in self._entries.items() if entry.is_repository]

    def missing(self, folder: str) -> str:
        """Why that folder cannot be followed, with what is there instead; empty when it can."""
        if folder == "." or folder in self.trees:
            return ""
        if (there := self._entries.get(folder)) is not None:
            return f"has no folder {folder}: it is {_kind(there)}"
        above = posixpath.dirname(folder)
        while above and above not in self.trees:
            above = posixpath.dirname(above)
        inside = sorted(
            f"{entry.shown}{'/' if entry.is_tree else ''}"
            for path, entry in self._entries.items()
            if posixpath.dirname(path) == above
        )
        inside.sort(key=lambda name: not name.endswith("/"))
        more = f" and {len(inside) - _MOST_NAMED} more" if len(inside) > _MOST_NAMED else ""
        has = f"{', '.join(inside[:_MOST_NAMED])}{more}" if inside else "nothing"
        return f"has no folder {folder}; it has {has}: say which by --path, or #BRANCH:PATH"

    def find_app(self, manifest: Path, app: str, _root: Path) -> Path:
        """An app's directory among the folders. Raises ValueError when it is none, or not all of it is here."""
        if posixpath.isabs(app):
            raise ValueError(f"'{app}' is absolute; write it relative to this file")
        found = posixpath.normpath(posixpath.join(posixpath.dirname(str(manifest)), app))
        if found == ".." or found.startswith("../"):
            raise ValueError(f"'{app}' leaves the repository")
        if found not in self.trees:
            there = self._entries.get(found)
            what = f"; it is {_kind(there)}" if there is not None else ""
            raise ValueError(f"'{app}' is not a directory of this commit{what}")
        if (elsewhere := self._elsewhere(found)) is not None:
            raise ValueError(
                f"'{app}' holds {elsewhere}, another repository (a submodule), which is not fetched"
            )
        return ROOT / found

    def has_app(self, app: str) -> bool:
        """Whether that folder is here with all that is in it."""
        return app in self.trees and self._elsewhere(app) is None

    def _elsewhere(self, folder: str) -> str | None:
        return next((each for each in self._submodules if each.startswith(f"{folder}/")), None)


def _kind(entry: TreeEntry) -> str:
    if entry.is_repository:
        return "another repository (a submodule)"
    return "a link" if entry.is_link else "a file"
