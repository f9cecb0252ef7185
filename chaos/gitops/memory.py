"""What this machine remembers of the last time it brought a server in line with a repository.

Losing it costs one full look at the server, nothing else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.gitops.wanted import Wanted


@dataclass(frozen=True, slots=True)
class Memory:
    """The last commit that was brought in line, and with which server."""

    api: str = ""
    commit: str = ""
    wanted: Mapping[str, Wanted] = field(default_factory=dict)
    stalled: frozenset[str] = frozenset()
    waiting: bool = False
    """Whether a run of that commit waits for another, so that there is more to do without any push."""

    @classmethod
    def load(cls, file: Path) -> "Memory":
        """What was saved; nothing when there is none, or none that can be read."""
        try:
            data = json.loads(file.read_bytes())
            wanted = {name: Wanted.from_json(each) for name, each in data["wanted"].items()}
            return cls(data["api"], data["commit"], wanted, frozenset(data["stalled"]), data["waiting"])
        except (OSError, ValueError, KeyError, TypeError):
            return cls()

    def save(self, file: Path) -> None:
        """Write it at once or not at all. Raises OSError."""
        data = {
            "api": self.api,
            "commit": self.commit,
            "wanted": {name: each.to_json() for name, each in self.wanted.items()},
            "stalled": sorted(self.stalled),
            "waiting": self.waiting,
        }
        part = file.with_suffix(".part")
        part.write_text(json.dumps(data))
        part.replace(file)
