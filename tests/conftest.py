"""Which tests run beside others and which need the machine to themselves.

`make test` runs twice: first what can share the machine, several at a time (`-n`, by file: `--dist loadgroup`), then
what is marked `alone`: tests whose assertions are about time or about who was there first.
"""

from pathlib import Path
from typing import Any

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


_crashed: list[str] = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """A worker that crashed may have taken tests with it that nobody misses: that is no matter of one test."""
    if error:
        _crashed.append(str(node.gateway.id))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say so by an exit code for which `scripts/tests` has no second try."""
    if _crashed:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
