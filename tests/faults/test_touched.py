"""Files that somebody else reads and writes: told by the kernel, also in folders that are made later; ours are not."""

import os
from contextlib import closing
from pathlib import Path

from chaos.faults.touched import Touched, used, wrote
from chaos.faults.unnamed import unnamed_file


def nobody() -> list[int]:
    return []


def test_nothing_is_nothing_whatever_we_do_ourselves(tmp_path: Path) -> None:
    ours = unnamed_file(str(tmp_path))
    with closing(Touched(str(tmp_path), nobody)) as touched:
        os.pwrite(ours, b"x" * 4096, 0)
        (tmp_path / ".chaoslab-probe-1").touch()
        seen = touched.look()
    os.close(ours)
    assert seen == {"written": 0, "read": 0, "writers": 0, "watched": 1}
    assert (wrote([seen], "/tmp").count, used([seen], "/tmp").count) == (0, 0)


def test_a_file_that_was_opened_for_writing_is_told_of_though_nothing_was_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with closing(Touched(str(tmp_path), nobody)) as touched:
        os.close(os.open(file, os.O_WRONLY))
        seen = touched.look()
    assert seen["written"] == 1
    assert wrote([seen], "/tmp").enough


def test_reading_is_no_writing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with closing(Touched(str(tmp_path), nobody)) as touched:
        assert file.read_text() == "text"
        seen = touched.look()
    assert (seen["written"], seen["read"] > 0) == (0, True)
    assert used([seen], "/tmp").enough
    assert not wrote([seen], "/tmp").enough


def test_folders_that_are_made_later_are_watched_too(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    with closing(Touched(str(tmp_path), nobody)) as touched:
        (tmp_path / "old" / "new").mkdir()
        before = touched.look()["written"]
        (tmp_path / "old" / "new" / "file").write_text("x")
        assert touched.look()["written"] > before


def test_what_is_open_for_writing_since_before_is_found_by_its_disk(tmp_path: Path) -> None:
    with (
        (tmp_path / "log").open("w") as log,
        closing(Touched(str(tmp_path), lambda: [os.getpid()])) as touched,
    ):
        seen = touched.look()
        assert log.writable()
    assert seen["writers"] >= 1
    assert wrote([seen], "/tmp").count is None
