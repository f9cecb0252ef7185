"""Real mounts, really read-only: each case in a mount namespace of its own, as root and as an ordinary user."""

import pytest

from chaos.errors import InjectionError
from chaos.faults.disk_read_only import DiskReadOnly
from chaos.faults.linux.mounts import holding, read
from tests.faults.disks import read_only
from tests.faults.target import LocalTarget, in_own_network, users


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize(
    "case",
    [
        "remounted_when_nobody_writes",
        "covered_when_somebody_writes",
        "who_moved_into_the_cover_can_write_afterwards",
        "open_files_may_be_a_reason_to_refuse",
        "every_disk_below",
        "twice_is_refused",
        "a_killed_holder_leaves_it_writable",
        "a_killed_holder_of_a_cover_leaves_it_writable",
    ],
)
def test_on_a_real_mount(case: str, user: str) -> None:
    print(in_own_network(f"{read_only.__name__}:{case}", unprivileged=user == "unprivileged"), end="")


def test_what_cannot_be_written_anyway_is_refused() -> None:
    with LocalTarget() as target, pytest.raises(InjectionError, match="No such file"):
        DiskReadOnly(path="/no/such/folder").inject(target).__enter__()


def test_where_the_agent_writes_is_refused() -> None:
    with LocalTarget() as target, pytest.raises(InjectionError, match="the agent itself"):
        DiskReadOnly(path=str(target.work)).inject(target).__enter__()


@pytest.mark.parametrize(
    ("fields", "why"), [({"path": "tmp"}, "absolute"), ({"open_files": "close"}, "keep or refuse")]
)
def test_bad_fields_are_refused(fields: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DiskReadOnly(**fields)  # type: ignore[arg-type]


def test_one_write_that_went_through_did_not_land() -> None:
    held = {"tried": {"/tmp": "EROFS"}, "spared": []}
    delivered = DiskReadOnly().delivered([held] * 9 + [{"tried": {"/tmp": "written"}, "spared": []}])
    assert not delivered.landed
    assert delivered.values == {"refused_percent": 90.0}
    assert delivered.low is not None
    assert delivered.low < 90 < (delivered.high or 0)


def test_the_mount_on_top_counts_and_blanks_are_read() -> None:
    text = (
        "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:5 / /a\\040b rw,nosuid - tmpfs tmpfs rw\n"
        "3 1 0:5 / /a\\040b ro - tmpfs tmpfs rw\n"
    )
    mounts = read(text)
    assert holding("/a b/c", mounts).id == 3
    assert holding("/a bc", mounts).id == 1
    assert mounts[1].remounted("bind", "ro", without=["rw"])[-2:] == ["remount,nosuid,bind,ro", "/a b"]
