"""Which tests run beside others and which need the machine to themselves.

`make test` runs twice: first what can share the machine, several at a time (`-n`, by file: `--dist loadgroup`), then
what is marked `alone`, here or at the test: tests whose assertions are about time.
"""

from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent

ALONE = (
    "e2e/test_demo.py",
    "agent/test_load.py",
    "faults/test_cpu_stress.py",
    "faults/test_cpu_throttle.py",
    "faults/test_process_pause.py",
    "manifests/test_speed.py",
)
LONG = ("e2e", "flows")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test with its group, and those that must be alone; what takes longest begins first."""
    for item in items:
        name = item.path.relative_to(ROOT).as_posix()
        if name in ALONE:
            item.add_marker("alone")
        item.add_marker(pytest.mark.xdist_group(group(name)))
    items.sort(key=lambda item: item.path.relative_to(ROOT).parts[0] not in LONG)


def group(name: str) -> str:
    """What one worker runs: a file; all that share one Prefect server."""
    return "flows" if name.startswith("flows/") and name != "flows/test_server.py" else name


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
