"""A real Postgres for tests: Debian's, our own process on a free loopback port, with a data directory of its own.

It refuses to run as root, so as root it runs as Debian's user `postgres`. A machine without it fails these tests, with
the remedy.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.prometheus_fixture import free_port

USER, PASSWORD = "chaos", "no-secret-of-anybody"
_READY = b"ready to accept connections"


@dataclass(frozen=True)
class Postgres:
    """One server."""

    port: int
    programs: Path

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """As POSTGRES_URL has it."""
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{database}"

    def ask(self, query: str, database: str = "postgres") -> str:
        """What `psql` says to a query, plain. Raises CalledProcessError."""
        command = [str(self.programs / "psql"), "-XAtq", "-c", query, self.url(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def started() -> Iterator[Postgres]:
    """A server that answers; ended afterwards, with its data."""
    programs, owner = _programs(), _owner()
    folder = Path(tempfile.mkdtemp(prefix="chaoslab-postgres-"))
    try:
        if owner:
            shutil.chown(folder, owner["user"], owner["group"])
        _made(programs, folder, owner)
        port = free_port()
        with _running([str(programs / "postgres"), *_options(folder, port)], owner):
            yield Postgres(port, programs)
    finally:
        shutil.rmtree(folder)


def _options(folder: Path, port: int) -> list[str]:
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    return [
        "-D",
        str(folder),
        *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
    ]


def _made(programs: Path, folder: Path, owner: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "-D", str(folder), "-U", USER, "-A", "scram-sha-256", "--no-sync"]
    secret = folder.with_suffix(".password")
    secret.write_text(PASSWORD)
    try:
        secret.chmod(0o644)
        subprocess.run([*command, f"--pwfile={secret}"], check=True, capture_output=True, cwd="/", **owner)
    finally:
        secret.unlink()


@contextlib.contextmanager
def _running(command: Sequence[str], owner: dict[str, Any]) -> Iterator[None]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd="/", **owner)
    assert process.stderr is not None
    try:
        said = b""
        while _READY not in said:
            line = process.stderr.readline()
            assert line, said.decode()
            said += line
        yield
    finally:
        process.kill()
        process.communicate()


def _programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not versions:
        pytest.fail("no Postgres on this machine; install it with: apt-get install -y postgresql")
    return versions[-1].parent


def _owner() -> dict[str, Any]:
    """Whose process it is, for `subprocess`."""
    return {"user": "postgres", "group": "postgres", "extra_groups": ()} if os.geteuid() == 0 else {}
