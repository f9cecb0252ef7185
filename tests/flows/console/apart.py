"""A machine apart: a network namespace at the end of a cable that can be pulled, and files that nobody else sees."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab import ROOT


class Apart:
    """Root only: a veth pair, one end of it in there, and a tmpfs in a mount namespace over `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        place = os.getpid() % 16_384 * 4
        net = f"198.18.{place // 256}"
        self.host, self._there = f"{net}.{place % 256 + 1}", f"{net}.{place % 256 + 2}"
        """Where the console is, as seen from there. It stays an address of this machine when the cable is pulled."""
        self._cable = f"apart{os.getpid()}"
        self._held = self._hold()
        try:
            self._wire()
        except BaseException:
            self.close()
            raise

    def _hold(self) -> "subprocess.Popen[str]":
        inside = f"mount -t tmpfs none {self.folder} && ip link set lo up && echo ready && exec cat"
        command = ["unshare", "-n", "-m", "sh", "-c", inside]
        held = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert held.stdout is not None
        assert held.stdout.readline() == "ready\n"
        return held

    def _wire(self) -> None:
        _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", str(self._held.pid))
        _ip("addr", "add", f"{self.host}/32", "dev", "lo")
        self.mend()
        for words in (
            ("link", "set", "eth0", "up"),
            ("addr", "add", f"{self._there}/32", "dev", "eth0"),
            ("route", "add", self.host, "dev", "eth0"),
        ):
            subprocess.run([*self._within("-n"), "ip", *words], check=True)

    def cut(self) -> None:
        """Pull the cable: nothing says so to anybody, packets only get lost."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Put it back."""
        _ip("link", "set", self._cable, "up")
        _ip("route", "replace", self._there, "dev", self._cable)

    @contextmanager
    def chaoslab(self, *words: object, **settings: str) -> "Iterator[subprocess.Popen[str]]":
        """It runs there; ended with the block."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "CHAOSLAB_RUNTIME_DIR": str(self.folder / "boxes"),
            "CHAOSLAB_STATE_DIR": str(self.folder / "state"),
            **settings,
        }
        command = [*self._within("-n", "-m"), sys.executable, "-m", "flows.main", *map(str, words)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, text=True, cwd=ROOT, env=env, **pipes) as process:
            try:
                yield process
            finally:
                process.terminate()

    def read(self, path: Path) -> bytes:
        """A file of its own."""
        return subprocess.run([*self._within("-m"), "cat", str(path)], check=True, capture_output=True).stdout

    def _within(self, *spaces: str) -> list[str]:
        return ["nsenter", "-t", str(self._held.pid), *spaces, f"--wd={ROOT}", "--"]

    def close(self) -> None:
        """Its network goes with its last process, and the cable with that."""
        subprocess.run(
            ["ip", "addr", "del", f"{self.host}/32", "dev", "lo"], check=False, capture_output=True
        )
        with self._held:
            assert self._held.stdin is not None
            self._held.stdin.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def apart(folder: Path) -> Iterator[Apart]:
    """One while the block lasts."""
    made = Apart(folder)
    try:
        yield made
    finally:
        made.close()
