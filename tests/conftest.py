"""Which tests run beside others and which need the machine to themselves.

`make test` runs twice: first what can share the machine, several at a time (`-n`, by file: `--dist loadgroup`), then
what is marked `alone`: tests whose assertions are about time or about who was there first.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).parent

ALONE = (
    "e2e",
    "flows",
    "test_shop.py",
    "agent/test_load.py",
    "agent/test_probing.py",
    "faults/test_cpu_stress.py",
    "faults/test_cpu_throttle.py",
    "faults/test_process_pause.py",
    "manifests/test_speed.py",
)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its group, and those that must be alone."""
    for item in items:
        place = item.path.relative_to(ROOT)
        name = place.as_posix()
        if any(name == each or name.startswith(f"{each}/") for each in ALONE):
            item.add_marker("alone")
        item.add_marker(pytest.mark.xdist_group(name))
