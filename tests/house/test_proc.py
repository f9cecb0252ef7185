"""Names in /proc: any bytes. A program calls itself what it likes, and so does who mounts (proc(5))."""

import ctypes
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.agent import membership
from chaos.faults.linux import mounts
from chaos.faults.process import demand, tree
from flows.server.process import Background

ROOT = Path(__file__).parents[2]
STRICT = re.compile(r"\b(stat|status|comm|cmdline|maps|mountinfo|mounts|cgroup)\"[^\n]*read_text\(\)", re.I)
PR_SET_NAME = 15
NO_TEXT = b"v\x80) \xff R"


@contextmanager
def called(name: bytes) -> Iterator[int]:
    """A process of that name, until the end."""
    ready, tell = os.pipe()
    if not (pid := os.fork()):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name)
        os.write(tell, b"x")
        while True:
            signal.pause()
    try:
        assert os.read(ready, 1)
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(tell)


def test_a_process_may_be_called_by_what_is_no_text() -> None:
    with called(NO_TEXT) as pid:
        assert NO_TEXT in Path(f"/proc/{pid}/stat").read_bytes()

        assert tree.look(pid) is not None
        assert demand.ran_ns(pid)
        assert demand.page_faults(pid)
        assert membership.outside([pid], {"": "/nowhere"}) == [pid]
        assert Background(os.getsid(0), 0, 0).worked_s() >= 0
        assert not Background(os.getsid(0), 0, 1).listens()


def test_a_mount_may_be_called_by_what_ends_lines_elsewhere() -> None:
    odd = "/mnt/a\u00a0b\u2028c\x85\udc80"

    (mount,) = mounts.read(f"36 35 98:0 / {odd} rw,noatime - ext4 /dev/x rw\n")

    assert (mount.point, mount.kind) == (odd, "ext4")


def test_nothing_reads_names_as_if_they_were_text() -> None:
    strict = [
        f"{path.relative_to(ROOT)}:{number}"
        for room in ("chaos", "flows")
        for path in (ROOT / room).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if STRICT.search(line) and '"/proc/stat"' not in line and "cpu.stat" not in line
    ]

    assert strict == []
