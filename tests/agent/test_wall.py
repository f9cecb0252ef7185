"""The wall: what a process behind it is, sees and may do, and what becomes of it, in a real local sandbox."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from chaos.runner.provision import behind_the_wall
from chaos.sandboxes.support.base import Completed
from tests.sandboxes.box import local_box

_LOOK = r"""
import json, os
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return error.strerror
status = dict(line.split(":\t", 1) for line in read("/proc/self/status").splitlines() if ":\t" in line)
print(json.dumps({
    "ids": [os.getuid(), os.getgid()], "home": os.environ.get("HOME"), "cwd": os.getcwd(),
    "pids": sorted(int(name) for name in os.listdir("/proc") if name.isdigit()), "pid": os.getpid(),
    "filtered": status["Seccomp"], "no_new": status["NoNewPrivs"],
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "run": os.listdir("/run"), "dev": sorted(os.listdir("/dev")),
    "order": read("/run/chaoslab/order.json"), "first_environment": read("/proc/1/environ"),
    "mounts": [line.split()[4:6] for line in read("/proc/self/mountinfo").splitlines()],
}))
"""


def behind(*commands: Sequence[str], user: str = "") -> list[Completed]:
    """What the commands, one after the other in one sandbox, ended with."""

    async def scene() -> list[Completed]:
        async with local_box() as box:
            return [
                await box.run(await behind_the_wall(box, command, user=user), cwd="/") for command in commands
            ]

    return asyncio.run(scene())


@pytest.fixture(scope="module")
def seen() -> dict[str, object]:
    """What a process sees of itself and the world."""
    (done,) = behind(["python3", "-I", "-S", "-c", _LOOK])
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_it_is_root_at_home_in_its_directory(seen: dict[str, object]) -> None:
    assert (seen["ids"], seen["home"], seen["cwd"]) == ([0, 0], "/root", "/app")


def test_it_sees_itself_and_our_reaper_and_nobody_else(seen: dict[str, object]) -> None:
    assert seen["pids"] == [1, seen["pid"]]
    assert seen["first_environment"] == "Permission denied"


def test_nothing_of_the_agents_is_there(seen: dict[str, object]) -> None:
    assert seen["run"] == []
    assert seen["order"] == "No such file or directory"


def test_it_is_filtered_and_gains_nothing(seen: dict[str, object]) -> None:
    assert (seen["filtered"], seen["no_new"]) == ("2", "1")


def test_it_has_three_descriptors(seen: dict[str, object]) -> None:
    assert seen["descriptors"] == ["0", "1", "2", "3"]  # the last one is the listing's own


def test_its_devices_are_those_of_any_container(seen: dict[str, object]) -> None:
    assert set(seen["dev"]) <= {  # type: ignore[call-overload]
        "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom",
        "zero",
    }  # fmt: skip


def test_only_its_own_disks_can_be_written(seen: dict[str, object]) -> None:
    last = {point: options.split(",") for point, options in seen["mounts"]}  # type: ignore[attr-defined]
    writable = {point for point, options in last.items() if "rw" in options}
    covered = ("/dev/", "/proc", "/run/")
    assert {point for point in writable if not point.startswith(covered)} <= {
        "/app", "/root", "/run", "/tmp", "/var/tmp",
    }  # fmt: skip


def test_a_user_that_nobody_knows_gets_an_account() -> None:
    script = "id -u; id -un; echo $HOME; touch /app/x 2>&1; touch /tmp/x && stat -c %U /tmp/x"
    (done,) = behind(["sh", "-c", script], user="postgres")
    lines = done.stdout.decode().splitlines()
    assert lines[0] != "0"
    assert lines[1] == "postgres"
    assert lines[-1] == "postgres"
    assert "Permission denied" in done.stdout.decode()


def test_an_id_is_a_user_too() -> None:
    (done,) = behind(["sh", "-c", "id -u; id -g"], user="70:71")
    assert done.stdout == b"70\n71\n"


def test_what_a_command_leaves_behind_ends_with_it() -> None:
    daemon = "(setsid sleep 1000 >/dev/null 2>&1 &) ; sleep 0.1; echo done"
    done, left = behind(["sh", "-c", daemon], ["sh", "-c", "ls -d /proc/[0-9]* | wc -l"])
    assert done.stdout == b"done\n"
    assert int(left.stdout) <= 4  # PID 1, sh, ls, wc


def test_files_of_one_command_belong_to_the_next() -> None:
    _, second = behind(
        ["sh", "-c", "echo 1 > /app/x; mkdir /app/y"], ["sh", "-c", "echo 2 >> /app/x && cat /app/x"]
    )
    assert second.stdout == b"1\n2\n"


def test_a_command_that_is_not_there_is_said() -> None:
    (done,) = behind(["/no/such/program"])
    assert (done.exit_code, done.stderr.startswith("cannot run /no/such/program: No such file")) == (
        127,
        True,
    )


def test_how_it_ended_is_told() -> None:
    first, second = behind(["sh", "-c", "exit 7"], ["sh", "-c", "kill -9 $$"])
    assert (first.exit_code, second.exit_code) == (7, 128 + 9)


def test_standard_output_can_be_opened_by_name() -> None:
    (done,) = behind(["sh", "-c", "echo named > /dev/stdout"])
    assert done.stdout == b"named\n"
