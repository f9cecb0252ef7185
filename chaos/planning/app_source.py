"""The files of an app: which ones belong to it, how large they are, and the digest of their content."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from chaos.manifests.places import git_directories
from chaos.planning.app_secrets import untracked_secrets

LEFT_OUT = frozenset({".git", "__pycache__", ".venv", "node_modules", ".mypy_cache", ".pytest_cache"})
"""Directories that running or developing an app makes; they are neither shipped nor part of its digest."""
MOST_FILES = 20_000


@dataclass(frozen=True)
class AppFiles:
    """What was found; `wrong` says why it cannot be shipped, one sentence each."""

    digest: str
    bytes: int
    count: int
    wrong: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Names of files that are not shipped, because they look like secrets and git does not track them."""


def survey(folder: Path, *, committed: bool = False) -> AppFiles:
    """Look at every file of the app, without following a link out of it. `committed`: all of it is from a commit."""
    whole = hashlib.sha256()
    wrong: list[str] = []
    size = count = 0
    found = list(islice(_files(folder, wrong), MOST_FILES + 1))
    if len(found) > MOST_FILES:
        wrong.append(f"has more than {MOST_FILES} files")
    named = {path.relative_to(folder).as_posix(): path for path in found[:MOST_FILES]}
    left_out = [] if committed else untracked_secrets(folder, named)
    for name in left_out:
        del named[name]
    for name, path in named.items():
        count += 1
        try:
            kind, content, length = _content(path, folder)
        except (OSError, ValueError) as error:
            wrong.append(f"{name}: {error}")
            continue
        size += length
        whole.update(f"{kind}\0{name}\0{content}\n".encode(errors="surrogateescape"))
    return AppFiles("sha256:" + whole.hexdigest(), size, count, tuple(wrong), tuple(left_out))


def archive(folder: Path, wanted: Callable[[str], bool] = lambda _name: True) -> bytes:
    """The files whose names are `wanted` as a tar, owned by root, as a sandbox unpacks them.

    Raises OSError when one cannot be read.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in _files(folder, []):
            if wanted(name := path.relative_to(folder).as_posix()):
                tar.add(path, name, recursive=False, filter=_as_root)
    return buffer.getvalue()


def names(folder: Path) -> list[str]:
    """Every file's name, relative to the app's directory."""
    return [path.relative_to(folder).as_posix() for path in _files(folder, [])]


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _files(folder: Path, wrong: list[str]) -> Iterator[Path]:
    """Every file and link below, in an order that is the same on every machine; notes what cannot be listed.

    Nothing of git's own: neither `.git`, whatever it is, nor where a file of that name says that its directory is.
    """
    return _below(folder, wrong, git_directories(folder.resolve()))


def _below(folder: Path, wrong: list[str], gits: Set[Path]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        wrong.append(f"{folder.name}: {error.strerror}")
        return
    if any(entry.name == ".git" for entry in entries):
        gits = gits | git_directories(folder)
    for entry in entries:
        if entry.name.lower() == ".git" or Path(entry.path) in gits:
            continue
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in LEFT_OUT:
                yield from _below(Path(entry.path), wrong, gits)
        elif not entry.name.endswith(".pyc"):
            yield Path(entry.path)


def _content(path: Path, folder: Path) -> tuple[str, str, int]:
    """Kind, digest of the content (of a link: its aim), and size. Raises ValueError for what cannot ship."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError("a link that leaves the app's directory")
        return "link", str(path.readlink()), 0
    if not stat.S_ISREG(mode):
        raise ValueError("neither a file, a directory nor a link")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ("program" if mode & stat.S_IXUSR else "file"), digest, path.stat().st_size
