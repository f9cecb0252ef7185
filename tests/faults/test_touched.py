"""Files that somebody else reads and writes: told by the kernel, also in folders that are made later; ours are not."""

import os
from contextlib import closing
from pathlib import Path

from chaos.faults.support.touched import Touched, used, wrote
from chaos.faults.support.unnamed import unnamed_file


def nobody() -> list[int]:
    return []


def none() -> tuple[int, int]:
    return 0, 0


def test_nothing_is_nothing_whatever_we_do_ourselves(tmp_path: Path) -> None:
    ours = unnamed_file(str(tmp_path))
    with closing(Touched(str(tmp_path), nobody, none)) as touched:
        os.pwrite(ours, b"x" * 4096, 0)
        (tmp_path / ".chaoslab-probe-1").touch()
        seen = touched.look()
    os.close(ours)
    assert seen == {"written": 0, "read": 0, "unsure": 0, "writers": 0, "watched": 1}
    assert (wrote([seen], "/tmp").count, used([seen], "/tmp").count) == (0, 0)


def test_a_file_that_was_opened_for_writing_is_told_of_though_nothing_was_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with closing(Touched(str(tmp_path), nobody, none)) as touched:
        os.close(os.open(file, os.O_WRONLY))
        seen = touched.look()
    assert seen["written"] == 1
    assert wrote([seen], "/tmp").enough


def test_reading_is_no_writing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with closing(Touched(str(tmp_path), nobody, none)) as touched:
        assert file.read_text() == "text"
        seen = touched.look()
    assert (seen["written"], seen["read"] > 0) == (0, True)
    assert used([seen], "/tmp").enough
    assert not wrote([seen], "/tmp").enough


def test_folders_that_are_made_later_are_watched_too(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with closing(Touched(str(tmp_path), nobody, none)) as touched:
        (tmp_path / "old" / "new").mkdir()
        before = touched.look()["written"]
        (tmp_path / "old" / "new" / "file").write_text("x")
        assert touched.look()["written"] > before


def test_what_is_open_for_writing_since_before_is_found_by_its_disk(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        closing(Touched(str(tmp_path), lambda: [os.getpid()], none)) as touched,
    ):
        seen = touched.look()
        assert log.writable()
    assert seen["writers"] >= 1
    assert wrote([seen], "/tmp").count is None


def test_what_a_command_of_a_probe_writes_is_not_the_apps(tmp_path: Path) -> None:
    begun, now = 0, 0
    with closing(Touched(str(tmp_path), nobody, lambda: (begun, now))) as touched:
        begun, now = 1, 1
        (tmp_path / "probe").write_text("x")
        under_way = touched.look()
        (tmp_path / "probe").write_text("x")
        now = 0
        over = touched.look()
        begun = 2  # a short one, between two looks
        (tmp_path / "probe").write_text("x")
        short = touched.look()
        seen = [under_way, over, short]
        assert [(look["written"], look["read"]) for look in seen] == [(0, 0)] * 3
        assert short["unsure"] > over["unsure"] > under_way["unsure"] > 0
        met = wrote(seen, "/tmp")
        assert (met.count, met.enough) == (0, False)
        assert met.why.endswith(
            "wrote nothing to /tmp, but for what happened while commands of probes ran, which may be theirs"
        )
        assert (used(seen, "/tmp").count, used(seen, "/tmp").enough) == (0, False)
        (tmp_path / "app").write_text("x")
        assert wrote([*seen, touched.look()], "/tmp").enough
