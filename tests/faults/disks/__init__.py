"""Bodies of tests that mount disks, and what they share: without pytest, which another user may not reach."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.faults.linux.mounts import all_mounts

DISK = Path("/mnt")
"""Covered by each body with a disk of its own."""
ENGINES = ("/var/lib/containers", "/var/lib/docker", "/run/containers", "/run/netns", "/tmp/")


def mountinfo() -> list[tuple[str, tuple[str, ...]]]:
    """Every mount and its options.

    Not those of container engines: our copy of one goes when they remove its directory outside (mount_namespaces(7)).
    """
    return [
        (mount.point, mount.options) for mount in all_mounts() if not str(mount.point).startswith(ENGINES)
    ]


@contextmanager
def raises(kind: type[Exception], pattern: str) -> Iterator[None]:
    """What pytest.raises does."""
    said = None
    try:
        yield
    except kind as error:
        said = str(error)
    assert said is not None, f"{kind.__name__} was not raised"
    assert re.search(pattern, said), f"{pattern!r} is not in {said!r}"


def until(done: Callable[[], bool], within_s: float) -> float:
    """Seconds until `done`; AssertionError when it takes longer than `within_s`."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() < began + within_s, f"not within {within_s:g} s"
        time.sleep(0.002)
    return time.monotonic() - began
