"""A run whose app was elsewhere is never held: seen outside of its group, or in a group that counts nothing."""

from typing import Any

import pytest

from chaos.analysis import judge
from chaos.events import Event
from tests.journals.build import held
from tests.journals.telling import changed, event

MIB = 2**20
WEB = {"web": {"cpu_percent": 20.0, "rss_bytes": 30 * MIB, "pids": 1}}


def with_usage(**said: Any) -> list[Event]:
    """The run that held, with usage samples that say this, too."""
    return changed(held(), "usage.sampled", **said)


def test_a_process_outside_of_the_group_forbids_held() -> None:
    escaped = event(3.0, "limits.escaped", pids=[12, 11], processes=2)
    result = judge([*held(), escaped])
    assert result.verdict == "inconclusive"
    assert result.why.startswith("2 of the app's processes were outside of its control group (pid 11, 12)")


@pytest.mark.parametrize(
    ("said", "doubt"),
    [
        ({"memory_bytes": 0, "processes": WEB}, "no memory of theirs was counted"),
        ({"cpu_percent": 0.0, "processes": WEB}, "no CPU time of theirs was counted"),
    ],
)
def test_nothing_counted_of_processes_that_live_and_work_forbids_held(said: Any, doubt: str) -> None:
    result = judge(with_usage(**said))
    assert result.verdict == "inconclusive"
    assert doubt in result.why


@pytest.mark.parametrize(
    "said",
    [
        {"memory_bytes": 20 * MIB, "cpu_percent": 20.0, "processes": WEB},
        {"memory_bytes": 0, "processes": {"web": {"cpu_percent": 0.0, "rss_bytes": 0, "pids": 0}}},
        {"cpu_percent": 0.0, "processes": {"web": {"cpu_percent": 0.0, "rss_bytes": 30 * MIB, "pids": 1}}},
    ],
    ids=["counted", "dead", "idle"],
)
def test_what_is_counted_or_not_there_to_count_is_no_doubt(said: Any) -> None:
    assert judge(with_usage(**{"memory_bytes": 20 * MIB, **said})).verdict == "held"
