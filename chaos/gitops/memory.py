"""Sync memory: the last commit that this machine brought in line, and with which server.

Losing it costs one full look at the server, nothing else. A look at an unchanged commit needs only the first line of
the file; the second has every experiment, and is parsed when somebody asks for one.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from chaos.gitops.repository.mirror import Mirror
from chaos.gitops.wanted import DesiredDeployment


class _Saved(Mapping[str, DesiredDeployment]):
    """Experiments by name, as they were saved."""

    def __init__(self, text: bytes, count: int) -> None:
        self.text = text
        self._count = count

    @cached_property
    def _parsed(self) -> dict[str, DesiredDeployment]:
        return {name: DesiredDeployment.from_json(each) for name, each in json.loads(self.text).items()}

    def __getitem__(self, name: str) -> DesiredDeployment:
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed)

    def __len__(self) -> int:
        return self._count


@dataclass(frozen=True, slots=True)
class SyncMemory:
    """The last commit that was brought in line, and with which server."""

    api: str = ""
    commit: str = ""
    wanted: Mapping[str, DesiredDeployment] = field(default_factory=dict)
    stalled: frozenset[str] = frozenset()
    waiting: bool = False
    """Whether a run of that commit waits for another, so that there is more to do without any push."""
    asked: str = "experiments"
    """What was asked of the repository then (`Source.asked`)."""

    @staticmethod
    def file_of(mirror: Mirror) -> Path:
        """Where it is kept for the copy of a repository."""
        return mirror.git.folder.with_suffix(".synced")

    @classmethod
    def load(cls, file: Path) -> "SyncMemory":
        """What was saved; nothing when there is none, or none that this version has written whole."""
        try:
            first, _, text = file.read_bytes().partition(b"\n")
            head = json.loads(first)
            if head["experiments"] != _seal(text):
                return cls()
            wanted = _Saved(text, head["count"])
            stalled = frozenset(head["stalled"])
            return cls(head["api"], head["commit"], wanted, stalled, head["waiting"], head["asked"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def save(self, file: Path) -> None:
        """Write it at once or not at all. Raises OSError."""
        text = self.wanted.text if isinstance(self.wanted, _Saved) else _text(self.wanted)
        head = {
            "api": self.api,
            "commit": self.commit,
            "stalled": sorted(self.stalled),
            "waiting": self.waiting,
            "asked": self.asked,
            "count": len(self.wanted),
            "experiments": _seal(text),
        }
        part = file.with_suffix(".part")
        part.write_bytes(json.dumps(head).encode() + b"\n" + text)
        part.replace(file)


def _text(wanted: Mapping[str, DesiredDeployment]) -> bytes:
    return json.dumps({name: each.to_json() for name, each in wanted.items()}).encode()


def _seal(text: bytes) -> list[Any]:
    """Another for another text, and for a version of ours that has other fields."""
    return [zlib.crc32(text), *(each.name for each in fields(DesiredDeployment))]
