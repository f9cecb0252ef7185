"""The files of an app: which ones belong to it, how large they are, and the digest of their content."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

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


def survey(folder: Path) -> AppFiles:
    """Look at every file of the app, without following a link out of it."""
    whole = hashlib.sha256()
    wrong: list[str] = []
    size = count = 0
    for path in _files(folder, wrong):
        count += 1
        if count > MOST_FILES:
            wrong.append(f"has more than {MOST_FILES} files")
            break
        name = path.relative_to(folder).as_posix()
        try:
            kind, content, length = _content(path, folder)
        except (OSError, ValueError) as error:
            wrong.append(f"{name}: {error}")
            continue
        size += length
        whole.update(f"{kind}\0{name}\0{content}\n".encode(errors="surrogateescape"))
    return AppFiles("sha256:" + whole.hexdigest(), size, count, tuple(wrong))


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
    """Every file and link below, in an order that is the same on every machine; notes what cannot be listed."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        wrong.append(f"{folder.name}: {error.strerror}")
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in LEFT_OUT:
                yield from _files(Path(entry.path), wrong)
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
