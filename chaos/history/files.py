"""Safe reading of run folders: plain files only, bounded in bytes."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chaos.history.errors import RunNotIndexed
from chaos.text.inert import one_line

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileState(NamedTuple):
    """What is known of a file without reading it."""

    bytes: int
    modified_ms: int


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """The descriptor of a plain file that is no link. Raises OSError, FileNotFoundError."""
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a plain file")
        yield descriptor
    finally:
        os.close(descriptor)


def seen(path: Path) -> FileState | None:
    """None when there is no plain file."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return FileState(found.st_size, found.st_mtime_ns // 10**6) if stat.S_ISREG(found.st_mode) else None


def read(path: Path, most: int) -> bytes | None:
    """All of a file; None when there is none. Raises RunNotIndexed for what is no plain file, or larger than that."""
    try:
        with opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RunNotIndexed(f"{named(path)}: cannot be read: {error.strerror or error}") from error
    if len(data) > most:
        raise RunNotIndexed(f"{named(path)}: is larger than {most:,} bytes")
    return data


def document(path: Path, most: int) -> Any:
    """The JSON of a file; None when there is none. Raises RunNotIndexed."""
    data = read(path, most)
    if data is None:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RunNotIndexed(f"{named(path)}: is not JSON") from error


def first_line(path: Path, most: int = 2**20) -> bytes:
    """Of a journal; empty when there is none, or none so short."""
    try:
        with opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            line = file.readline(most)
    except OSError:
        return b""
    return line if line.endswith(b"\n") else b""


def sha256(path: Path) -> str:
    """Of all its bytes. Raises RunNotIndexed."""
    try:
        with opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RunNotIndexed(f"{named(path)}: cannot be read: {error.strerror or error}") from error


def named(path: Path) -> str:
    """A path in a sentence, whatever its name holds."""
    return one_line(os.fsencode(path).decode("utf-8", "backslashreplace"))
