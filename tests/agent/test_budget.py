"""The app's budget read from control groups, of either version, as the kernel writes their files."""

from pathlib import Path

import pytest

from chaos.agent.budget import Budget


def budget(mount: Path, **files: str) -> Budget:
    """One over these files; `cpuacct__cpuacct_usage` is `cpuacct/cpuacct.usage`."""
    for name, text in files.items():
        folder, _, file = name.partition("__")
        (mount / folder).mkdir(exist_ok=True)
        (mount / folder / "cgroup.procs").touch()
        (mount / folder / file.replace("_", ".", 1)).write_text(text)
    return Budget(2**20, lambda: [], mount)


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        ({"cpuacct__cpuacct_usage": "2500000000\n"}, 2.5),
        ({"unified__cpu_stat": "usage_usec 1250000\nuser_usec 1000000\nsystem_usec 250000\n"}, 1.25),
        # Version 1 has a `cpu.stat` too, of throttling alone, and its folder comes first.
        (
            {
                "cpu__cpu_stat": "nr_periods 7\nnr_throttled 3\nthrottled_time 90000000\n",
                "cpuacct__cpuacct_usage": "500000000\n",
            },
            0.5,
        ),
        ({"cpu__cpu_stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"}, None),
        ({"cpu__cpu_stat": ""}, None),
        ({"memory__memory_stat": "total_rss 4096\n"}, None),
        ({}, None),
    ],
)
def test_cpu_time_is_the_groups_account_or_unknown(
    files: dict[str, str], seconds: float | None, tmp_path: Path
) -> None:
    assert budget(tmp_path, **files).cpu_seconds() == seconds


@pytest.mark.parametrize(
    ("files", "used", "kills"),
    [
        (
            {
                "memory__memory_stat": "cache 900\ntotal_rss 4096\ntotal_shmem 100\n",
                "memory__memory_oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
            },
            4196,
            2,
        ),
        (
            {
                "unified__memory_stat": "anon 4096\nactive_file 300\ninactive_file 200\n",
                "unified__memory_current": "5000\n",
                "unified__memory_events": "low 0\noom 1\noom_kill 1\n",
            },
            4500,
            1,
        ),
    ],
)
def test_memory_is_what_the_kernel_cannot_drop(
    files: dict[str, str], used: int, kills: int, tmp_path: Path
) -> None:
    found = budget(tmp_path, **files)
    assert (found.kind, found.used_bytes(), found.kills()) == ("real", used, kills)


def test_without_a_group_it_is_the_agents_and_nothing_is_known_of_cpu(tmp_path: Path) -> None:
    found = budget(tmp_path)
    assert (found.kind, found.cpu_seconds(), found.kills()) == ("emulated", None, 0)
    assert found.wrap(["true"]) == ["true"]
