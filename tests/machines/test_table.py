"""The table of the guests: what it keeps of earlier runs, and what may never be in a row. No guest."""

from typing import Any

from tests.machines.table import BEGIN, END, STILL, differences, unseen, written

ROW: dict[str, Any] = {
    "fault": "hog", "mechanism": "cgroup-memory", "kind": "real", "memory_kind": "real", "landed": True,
    "killed_by": ["kernel"], "verdict": "deviated", "residue": [], "left": [], "taken": False, "step_why": "",
}  # fmt: skip


def table(page: str) -> list[str]:
    return page.partition(BEGIN)[2].partition(END)[0].strip().splitlines()


def test_a_cell_that_was_not_run_again_stays_and_is_marked_with_its_note() -> None:
    late = {**ROW, "fault": "network_delay", "landed": False, "step_why": "median 320 | 300"}
    page = written(f"a {BEGIN}{END} z", {"v2 root": [ROW, late], "v2 user": [ROW]})
    assert table(page)[3] == "| `network_delay` | cgroup-memory, not landed [1] | not run |"
    page = written(page, {"v2 root": [ROW], "v2 user": []})
    assert table(page)[2] == (
        "| `hog` | cgroup-memory, landed, ended by the kernel | cgroup-memory, landed, ended by the kernel † |"
    )
    assert table(page)[3] == "| `network_delay` | cgroup-memory, not landed [1] † | not run |"
    assert table(page)[-1] == "1. median 320 / 300"
    still = {"fault": "hog", "refused": STILL, "left": []}
    assert table(written(page, {"v2 root": [still], "v2 user": []}))[2].count("†") == 2
    assert page.startswith("a ")
    assert page.endswith(" z")


def test_a_hog_that_lives_is_a_difference_and_one_that_never_had_its_memory_is_unseen() -> None:
    assert not list(differences({"v2 root": [ROW]}, {}))
    lives = {**ROW, "killed_by": [], "taken": True, "verdict": "held"}
    assert len(list(differences({"v2 root": [lives]}, {}))) == 2
    slow = {**lives, "taken": False}
    assert not list(differences({"v2 root": [slow]}, {}))
    assert list(unseen(["hog"], [slow], {})) == ["hog"]
    no = {**ROW, "fault": "http_fault", "mechanism": "", "step_why": "could not be injected: no family"}
    assert list(unseen(["http_fault"], [no], {})) == ["http_fault"]
    assert not list(unseen(["http_fault"], [no], {"http_fault": "no family"}))


def test_another_mechanism_than_expected_and_what_is_left_are_differences() -> None:
    other = {**ROW, "fault": "disk_full", "left": ["/sys/fs/cgroup/chaoslab-x"]}
    found = list(differences({"v2 root": [other]}, {"v2 root": {"disk_full": "allocated-file (real)"}}))
    assert found == [
        "v2 root, disk_full: by cgroup-memory (real), and allocated-file (real) is expected",
        "v2 root, disk_full: left behind: ['/sys/fs/cgroup/chaoslab-x']",
    ]
