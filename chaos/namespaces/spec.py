"""What to build: the one JSON document that the provider hands to the builder."""

import json
from collections.abc import Sequence
from typing import NamedTuple

IMAGE_ROOT = "/image"
"""Where the files of a user's image are in a container of ours."""

MOST_TASKS = 4096
"""Processes and threads that an app may have; the kernel stops a fork bomb there."""
SPARE_TASKS = 512
"""As many more in a sandbox, for the agent, its helpers and the commands of setup."""


class BoxSpec(NamedTuple):
    """One sandbox. Sizes in bytes, times in seconds, paths absolute on the host.

    No dataclass: importing that would be a fifth of the time in which a sandbox is built.
    """

    id: str
    folder: str
    """Its private runtime directory (0700): control socket, state, log."""
    memory_bytes: int
    disk_bytes: int
    ttl_s: float
    lease_s: float
    """Without any word from a controller for this long, PID 1 ends the sandbox."""
    read_only: Sequence[str] = ()
    """Host paths that appear at the same place, read-only."""
    hosts: Sequence[str] = ()
    """Names that resolve to 127.0.0.1, like the services of a compose file."""
    may_lack: bool = False
    """Whether root may do without a user namespace: then the app's side and the host's root are one user."""
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    def to_json(self) -> str:
        """The document."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> "BoxSpec":
        """Read the document."""
        return cls(**json.loads(text))
