"""Manifest files: which they are, and their text; bounded, UTF-8, and never waited for."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from chaos.errors import ManifestError
from chaos.manifests.yaml import tree
from chaos.manifests.yaml.problems import ManifestProblem

SUFFIXES = (".yaml", ".yml")


def find(paths: Iterable[Path | str]) -> list[Path]:
    """The manifest files that these paths name: files as they are, directories with every *.yaml below them.

    Hidden directories and those called `apps`, which hold what is experimented on, are left out. Raises ManifestError.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(_below(path)) if path.is_dir() else [path]
    return found


def _below(folder: Path) -> Iterator[Path]:
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise ManifestError(
            ManifestProblem(str(folder), 1, 1, "", f"cannot be listed: {error.strerror}")
        ) from error
    for path in inside:
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            if path.name != "apps":
                yield from _below(path)
        elif path.suffix in SUFFIXES:
            yield path


def bytes_of(path: Path) -> bytes:
    """The content of a regular file. Raises ManifestError for anything else, without waiting for it."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise ManifestError(ManifestProblem(str(path), 1, 1, "", f"is {what}; expected a YAML file"))
        with path.open("rb") as file:
            return file.read(tree.MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ManifestError(ManifestProblem(str(path), 1, 1, "", f"cannot be read: {why}")) from error


def text_of(data: bytes, file: str) -> str:
    if len(data) > tree.MOST_BYTES:
        what = f"larger than {tree.MOST_BYTES // 1024}KiB; a manifest is not"
        raise ManifestError(ManifestProblem(file, 1, 1, "", what))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = tree.position(data[: error.start].decode("utf-8-sig", "replace"), error.start)
        raise ManifestError(ManifestProblem(file, *mark, "", "not UTF-8 text")) from error
    if "\0" in text:
        mark = tree.position(text, text.index("\0"))
        raise ManifestError(ManifestProblem(file, *mark, "", "a NUL character; expected text"))
    return text
