"""The short form's judgement: what it must not pass over. No guest."""

from tests.machines.short import failures, missing
from tests.machines.table import STILL
from tests.machines.test_table import ROW

NAME = "here root"
SHOWN = {**ROW, "mechanism": "pidfd-signal", "fault": "process_kill"}


def test_no_guest_that_showed_anything_is_a_failure() -> None:
    assert list(failures({NAME: ["hog"]}, {NAME: []}, set())) == ["no guest showed anything"]
    still = {"fault": "hog", "refused": STILL, "left": []}
    assert list(failures({NAME: ["hog"]}, {NAME: [still]}, set())) == ["no guest showed anything"]


def test_a_guest_that_ends_before_it_is_up_is_a_failure_beside_one_that_shows_all() -> None:
    assert not list(failures({NAME: []}, {NAME: [SHOWN]}, set()))
    assert list(failures({NAME: []}, {NAME: [SHOWN]}, {"here-too"})) == [
        "here-too: it ended before it was up"
    ]


def test_what_ran_and_did_not_show_it_is_a_failure_with_its_reason_and_slowness_is_only_said() -> None:
    refused = {"fault": "disk_full", "refused": "no disk", "left": []}
    lacking, found = {NAME: ["disk_full", "hog"]}, {NAME: [SHOWN, refused]}
    assert list(failures(lacking, found, set())) == [f"{NAME}, disk_full: not seen: no disk"]
    late = {**SHOWN, "fault": "disk_full", "mechanism": "", "step_why": "no helper within 15 s"}
    assert not list(failures({NAME: ["disk_full"]}, {NAME: [late]}, set()))
    assert list(missing({NAME: ["disk_full"]}, {NAME: [late]})) == [
        f"{NAME}, disk_full: the guest was too slow: no helper within 15 s"
    ]
    assert list(missing(lacking, found)) == [
        f"{NAME}, hog: the guest stood still or was too slow; nothing was shown"
    ]
