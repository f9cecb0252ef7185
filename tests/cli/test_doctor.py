"""What doctor says of the memory limit: who enforces it, and whether a process that was to join really did."""

import pytest

from chaos.cli.examination import memory_limit
from chaos.sandboxes.support.facts import Facts

REAL = Facts()
REFUSED = Facts(memory="emulated", memory_why="/sys/fs/cgroup: no group with the memory controller is ours")


@pytest.mark.parametrize(
    ("facts", "not_joined", "level", "says", "remedy"),
    [
        (REAL, None, "ok", "a process joined, and was seen in there", ""),
        (REAL, "a process could not join", "missing", "no experiment starts", "sandbox.type: container"),
        (
            REFUSED,
            "there is no control group with a memory limit",
            "degraded",
            "say `emulated`",
            "systemd-run --user",
        ),
    ],
)
def test_it_is_ok_only_when_a_process_was_seen_in_the_group(
    facts: Facts, not_joined: str | None, level: str, says: str, remedy: str
) -> None:
    check = memory_limit(facts, not_joined)
    assert check.level == level
    assert says in check.says
    assert remedy in check.remedy
