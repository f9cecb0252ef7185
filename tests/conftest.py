"""Order of the tests, and which of them one worker runs together.

`make test` runs three times: first what can share the machine, on several workers, a file always on one; then what is
marked `paired`, two at once: tests whose assertions are about time, but which mostly wait; at last those that need the
whole machine, marked `alone`. The marks are at the tests.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is slow now and then: that is no finding about an example.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

SHOPS = ("e2e/test_demo.py", "e2e/test_demo_in_containers.py", "e2e/test_e2b_shop.py")
PUSHES = tuple(
    f"flows/test_{name}.py"
    for name in ("following", "killed_sync", "push", "reconcile", "standing", "synced", "webhook")
)
"""What a repository leads to; the other tests of flows are about one run."""
OWN_SERVERS = ("flows/test_database.py", "flows/test_server.py")
"""Tests of flows that start servers of their own."""
LONGEST_FIRST = (
    "shops",
    "flows",
    "pushes",
    "game_days",
    "pages",
    "escape/test_escape.py",
    "cli/test_interrupted.py",
    "cli/test_cli.py",
    "flows/test_server.py",
    "e2e/test_killed_controller.py",
    "faults/test_dns_failure.py",
    "faults/test_http_fault.py",
    "report/test_browser.py",
    "runner/test_stages.py",
)
"""Groups. What begins last should be short, or one worker works while the others wait for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first."""
    items.sort(key=lambda item: _rank(group(item.nodeid)))


def _rank(name: str) -> int:
    return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)


def group(nodeid: str) -> str:
    """What one worker runs: a file; all that share a Prefect server; all that run several shops at once."""
    name = nodeid.partition("::")[0].removeprefix("tests/")
    if name.startswith("flows/game_days/"):
        return "game_days"
    if name.startswith("flows/console_pages/"):
        return "pages"
    if name in PUSHES:
        return "pushes"
    if name.startswith("flows/") and name not in OWN_SERVERS:
        return "flows"
    return "shops" if name in SHOPS else name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Whole groups. xdist's own `loadgroup` does not see its marks under this pytest: it spreads every test."""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


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
