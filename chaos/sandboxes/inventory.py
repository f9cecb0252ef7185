"""Inventory of the sandboxes that this machine opened: their references and keys, in memory and in host-only files.

What is done to a sandbox is done by what is written here, never by what was copied out of one, nor by a journal, which
may be anybody's. One file a run, `STATE/sandboxes/<run-id>.<folder>.json` (0600), written whole, gone when its
sandboxes are. Where no file can be written, memory has to do: then another process cannot go on with the run.
"""

import contextlib
import functools
import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from chaos.errors import SandboxRefused
from chaos.events.signing import KEY_BYTES
from chaos.sandboxes.claims import checked
from chaos.sandboxes.support.base import SandboxRef
from chaos.settings import Settings

_FOLDER = "sandboxes"
_OLD_S = 30 * 86400.0
_SAY_WHERE = ("CHAOSLAB_STATE_DIR", "XDG_STATE_HOME", "HOME")


@dataclass(frozen=True, slots=True)
class Held:
    """One sandbox that was opened and not yet seen destroyed."""

    ref: SandboxRef
    key: bytes
    """What the agent in it signs its journal with."""
    started_at: float = 0.0
    """When its agent was started, Unix seconds; 0 until then."""
    pid: int = 0
    """The agent's, inside; 0 until it was started."""


class Inventory:
    """Of one run, named by its id and the folder that it was begun in."""

    def __init__(self, run_id: str, folder: Path) -> None:
        place = hashlib.blake2b(os.fsencode(folder.absolute()), digest_size=6).hexdigest()
        self._file = _folder() / f"{_plain(run_id)}.{place}.json"

    def opened(self, ref: SandboxRef) -> str | None:
        """Take in a new one, with a new key; why it is in this process's memory only, when it is."""
        return self._keep([*self.held(), Held(checked(ref), secrets.token_bytes(KEY_BYTES))])

    def started(self, ref: SandboxRef, at: float, pid: int = 0) -> None:
        """Its agent was started, or is about to be (no pid yet)."""
        known = self.find(ref)
        held = self.held()
        held[held.index(known)] = replace(known, started_at=at, pid=pid)
        self._keep(held)

    def find(self, ref: SandboxRef) -> Held:
        """What is known of that one. Raises SandboxRefused when this machine did not open it for this run."""
        for each in self.held():
            if (each.ref.type, each.ref.id) == (ref.type, ref.id):
                return each
        raise SandboxRefused(
            f"{ascii(ref.type)[1:-1][:60]} sandbox {ascii(ref.id)[:60]} is none that this machine has opened for this "
            f"run ({self._file.name} in {self._file.parent}): nothing is done with it"
        )

    def held(self) -> list[Held]:
        """Those that are not gone. Raises SandboxRefused when the file of ours is not as we wrote it."""
        if self._file in _memory:
            return list(_memory[self._file])
        try:
            return [_read(each) for each in json.loads(_text(self._file))]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise SandboxRefused(f"{self._file}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise SandboxRefused(f"{self._file}: not as ChaosLab wrote it") from error

    def gone(self, ref: SandboxRef) -> None:
        """It is destroyed."""
        self._keep([each for each in self.held() if (each.ref.type, each.ref.id) != (ref.type, ref.id)])

    def _keep(self, held: list[Held]) -> str | None:
        _memory[self._file] = held
        try:
            if held:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                _write(self._file, json.dumps([_plain_data(each) for each in held]))
                return None
            del _memory[self._file]
            self._file.unlink(missing_ok=True)
        except OSError as error:
            return f"{self._file.parent}: {error.strerror}"
        return None


@functools.cache
def _state_folder(_here: Path, *_said: str | None) -> Path:
    """Settings are read again only when what they are read from says something else: that takes milliseconds."""
    return Settings().state_folder


def forget_old() -> None:
    """Remove the files that nobody wrote to for a month: no sandbox of theirs can be there any more."""
    for file in _folder().glob("*.json"):
        with contextlib.suppress(OSError):
            if time.time() - file.stat().st_mtime > _OLD_S:
                file.unlink()


def _folder() -> Path:
    return _state_folder(Path.cwd(), *map(os.environ.get, _SAY_WHERE)) / _FOLDER


_memory: dict[Path, list[Held]] = {}
"""What this process knows of, which it believes before any file."""


def _plain(run_id: str) -> str:
    """A run's id as a name of a file; ours are one already."""
    named = "".join(each if each.isalnum() or each in "-_" else "_" for each in run_id)
    return named[:120] or "_"


def _plain_data(held: Held) -> dict[str, Any]:
    return {**asdict(held), "ref": held.ref.to_json(), "key": held.key.hex()}


def _read(data: Mapping[str, Any]) -> Held:
    key = bytes.fromhex(data["key"])
    if len(key) != KEY_BYTES:
        raise ValueError("no key")
    return Held(SandboxRef.from_json(data["ref"]), key, float(data["started_at"]), int(data["pid"]))


def _text(file: Path) -> str:
    """Read a file that nobody else can have written. Raises OSError, ValueError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, encoding="utf-8") as opened:
        seen = os.fstat(descriptor)
        if seen.st_uid != os.geteuid() or seen.st_mode & 0o077:
            raise ValueError("somebody else may write it or read it")
        return opened.read()


def _write(file: Path, text: str) -> None:
    """All of it or nothing. Raises OSError."""
    descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")  # 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(part).replace(file)
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            Path(part).unlink()
        raise
