"""Which tests run beside others and which need the machine to themselves.

`make test` runs twice: first what can share the machine, several at a time (`-n`, by file: `--dist loadgroup`), then
what is marked `alone`: tests whose assertions are about time or about who was there first.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent

ALONE = (
    "e2e",
    "test_shop.py",
    "faults/test_cpu_stress.py",
    "faults/test_cpu_throttle.py",
    "agent/test_load.py",
    "agent/test_probing.py",
    "manifests/test_speed.py",
)
TOGETHER = ("flows",)
"""Folders whose tests share one expensive fixture: one worker runs them all."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its group, and those that must be alone."""
    for item in items:
        place = item.path.relative_to(ROOT)
        name = place.as_posix()
        if any(name == each or name.startswith(f"{each}/") for each in ALONE):
            item.add_marker("alone")
        shared = place.parts[0] in TOGETHER
        item.add_marker(pytest.mark.xdist_group(place.parts[0] if shared else name))
