"""What programs see of their limits: meminfo and cpuinfo of /proc, and what a JVM, Node and Python say in a sandbox."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.budget import Budget
from chaos.agent.memory_view import meminfo
from chaos.agent.processors import chosen, cpuinfo, limit
from chaos.errors import TargetError
from chaos.run_spec.model import RunSpec
from tests import lab as labs

MIB = 2**20
KERNELS = (
    "MemTotal:       24684092 kB\nMemFree:        22000000 kB\nMemAvailable:   23000000 kB\n"
    "Cached:          1000000 kB\nSwapTotal:       4000000 kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\n"
)
LIMIT = 400 * MIB

LOOK = r"""
import json, os, subprocess, sys, time

def said(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.stdout + done.stderr

def used_s():
    # Of a second, which two that are busy for half a second ask for.
    burn = "import time; until = time.monotonic() + 0.5\nwhile time.monotonic() < until: pass"
    began = os.times()
    for each in [subprocess.Popen([sys.executable, "-S", "-c", burn]) for _ in range(2)]:
        each.wait()
    ended = os.times()
    return ended.children_user + ended.children_system - began.children_user - began.children_system

settings = said("java", "-XshowSettings:system", "-version").splitlines()
jvm = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in settings}
flags = said("java", "-XX:+PrintFlagsFinal", "-version").splitlines()
heap = next(line for line in flags if " MaxHeapSize " in line)
ask = "o.totalmem(),o.freemem(),process.constrainedMemory(),o.availableParallelism()"
node = said("node", "-e", f"const o=require('os');console.log({ask})")
held = b"x" * (100 * 2**20)
time.sleep(1.2)
lines = [line.split() for line in open("/proc/meminfo")]
print(json.dumps({
    "jvm": jvm,
    "heap": int(heap.split("=")[1].split()[0]),
    "node": [int(word) for word in node.split()],
    "python": [os.cpu_count(), len(os.sched_getaffinity(0)), getattr(os, "process_cpu_count", os.cpu_count)()],
    "nproc": int(said("nproc")),
    "cpuinfo": sum(line.startswith("processor") for line in open("/proc/cpuinfo")),
    "online": open("/sys/devices/system/cpu/online").read().strip(),
    "used_s": used_s(),
    "meminfo": {line[0]: int(line[1]) * 1024 for line in lines},
}), flush=True)
open("/tmp/looked", "w").close()
time.sleep(60)
"""


def seen(text: str) -> dict[str, int]:
    """Bytes by name."""
    return {
        line.split(":")[0]: int(line.split()[1]) * 1024 for line in text.splitlines() if line.endswith("kB")
    }


def test_memory_is_the_limit_and_what_it_leaves() -> None:
    counters = {"total_cache": 60 * MIB, "total_inactive_file": 40 * MIB, "total_active_file": 10 * MIB}
    found = seen(meminfo(KERNELS, LIMIT, 250 * MIB, counters))
    assert (found["MemTotal"], found["MemFree"], found["Cached"]) == (LIMIT, 150 * MIB, 60 * MIB)
    assert found["MemAvailable"] == 200 * MIB  # file pages go when somebody needs their place
    assert (found["SwapTotal"], found["Hugepagesize"]) == (0, 2 * MIB)


def test_the_new_kind_of_group_counts_by_other_names() -> None:
    found = seen(meminfo(KERNELS, LIMIT, 250 * MIB, {"file": 60 * MIB, "inactive_file": 50 * MIB}))
    assert (found["Cached"], found["MemAvailable"]) == (60 * MIB, 200 * MIB)


def test_a_limit_beyond_the_machine_shows_the_machine() -> None:
    found = seen(meminfo(KERNELS, 64 * 2**30, 0, {}))
    assert found == {**found, "MemTotal": 24684092 * 1024, "MemAvailable": 22000000 * 1024}


@pytest.mark.parametrize("used", [0, 7 * MIB, LIMIT, 2 * LIMIT])
def test_its_length_never_changes_so_it_can_be_written_over(used: int) -> None:
    assert len(meminfo(KERNELS, LIMIT, used, {})) == len(KERNELS)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"memory.limit_in_bytes": "83886080", "memory.usage_in_bytes": "4096"}, 83886080),
        ({"memory.max": "83886080", "memory.current": "4096"}, 83886080),
        ({"memory.max": "max", "memory.current": "4096"}, LIMIT),
    ],
)
def test_a_limit_that_a_fault_lowers_is_seen(tmp_path: Path, files: dict[str, str], limit: int) -> None:
    group = tmp_path / "memory"
    group.mkdir()
    for name, text in {**files, "cgroup.procs": "", "memory.stat": "file 4096\n"}.items():
        (group / name).write_text(text)
    assert Budget(LIMIT, lambda: [], tmp_path).account() == (limit, 4096, {"file": 4096})


CPUINFO = "processor\t: 0\nmodel name\t: X\n\nprocessor\t: 1\nmodel name\t: X\n\nHardware\t: Y\n"
"""With a last part that is of no processor, as on ARM."""


def test_processors_are_those_that_the_limit_needs() -> None:
    assert cpuinfo(CPUINFO, [1]) == "processor\t: 1\nmodel name\t: X\n\nHardware\t: Y\n"
    assert cpuinfo(CPUINFO, [0, 1]) == CPUINFO
    usable = len(os.sched_getaffinity(0))
    for cores, sees in [(0.5, 1), (usable - 0.5, 0), (usable, 0), (64.0, 0), (None, 0)]:
        found = chosen(RunSpec.of_journal({"cpu_limit": cores, "seed": 7}))
        assert len(found) == (sees if usable > 1 else 0)
        assert found == chosen(RunSpec.of_journal({"cpu_limit": cores, "seed": 7}))


@pytest.mark.parametrize(
    ("quota", "text"), [("cpu/cpu.cfs_quota_us", "50000"), ("unified/cpu.max", "50000 100000")]
)
def test_the_quota_is_that_of_a_container(tmp_path: Path, quota: str, text: str) -> None:
    cpus = tmp_path / ("unified" if quota.startswith("unified") else "cpuset") / "cpuset.cpus"
    for file in (tmp_path / quota, cpus):
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    limit(RunSpec.of_journal({"cpu_limit": 0.5, "seed": 7}), tmp_path)
    assert (tmp_path / quota).read_text() == text
    assert cpus.read_text() == ",".join(map(str, chosen(RunSpec.of_journal({"cpu_limit": 0.5, "seed": 7}))))


def test_a_limit_that_cannot_be_set_is_none_that_is_left_out(tmp_path: Path) -> None:
    limit(RunSpec.of_journal({}), tmp_path)
    with pytest.raises(TargetError, match="cannot be set: the app has no control group with a CPU"):
        limit(RunSpec.of_journal({"cpu_limit": 0.5}), tmp_path)


@pytest.mark.e2e
def test_programs_size_themselves_by_the_sandbox(tmp_path: Path) -> None:
    found = looked(tmp_path, memory="400MiB")
    _assert_its_own(found)
    processors = found["python"][1]
    assert (found["nproc"], found["cpuinfo"]) == (processors, os.cpu_count())


@pytest.mark.e2e
def test_programs_size_themselves_by_the_cpu_limit(tmp_path: Path) -> None:
    """Half a core, as a container's limit is: one processor is seen, and half of it is had."""
    found = looked(tmp_path, memory="400MiB", cpu="50%")
    _assert_its_own(found)
    assert (found["python"], found["nproc"], found["cpuinfo"]) == ([1, 1, 1], 1, 1)
    assert found["online"].isdecimal()
    assert found["jvm"]["CPU Quota"] == "50000us"
    assert found["used_s"] < 0.4, (
        "of a second that two busy threads ask for, a quarter and the rest of a period"
    )


def looked(tmp_path: Path, **sandbox: Any) -> dict[str, Any]:
    """What programs in such a sandbox say of themselves."""
    with labs.lab(tmp_path) as lab:
        (lab.folder / "app/look.py").write_text(LOOK)
        looks = {"type": "process", "process": "web"}
        manifest = lab.manifest(
            process={
                "name": "web",
                "command": ["python3", "-S", "look.py"],
                "ready": {"type": "command", "command": ["test", "-e", "/tmp/looked"]},
                "readyWithin": "1m",
            },
            sandbox={"type": "local", **sandbox},
            steadyState=[{"name": "up", "probe": looks, "tolerance": {"running": True}}],
            method=[{"name": "pause", "fault": {"type": "process_pause", "process": "web"}, "hold": "1s"}],
        )
        done = lab.run("--json", manifest)
        assert done.result.verdict == "held", done.result.why
        lines = [event.data["line"] for event in lab.events() if event.type == "log.captured"]
    found: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return found


def _assert_its_own(found: dict[str, Any]) -> None:
    print(json.dumps(found, indent=1))
    processors = found["python"][1]
    assert found["jvm"]["Memory Limit"] == "400.00M"
    assert found["jvm"]["Effective CPU Count"] == str(processors)
    assert found["heap"] < LIMIT // 2
    total, free, constrained, parallelism = found["node"]
    assert (total, constrained, parallelism) == (LIMIT, LIMIT, processors)
    assert free <= LIMIT
    memory = found["meminfo"]
    assert memory["MemTotal:"] == LIMIT
    assert memory["MemFree:"] <= 300 * MIB
    assert 100 * MIB <= memory["AnonPages:"] < LIMIT
    assert memory["SwapTotal:"] == 0
