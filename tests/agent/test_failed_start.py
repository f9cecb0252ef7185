"""A start that fails says why, in one sentence: real processes, each with one of the usual reasons."""

import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from chaos.agent.failed_start import said
from chaos.agent.readiness import bring_up
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervisor
from chaos.errors import TargetError
from chaos.events import Clock
from chaos.run_spec.model import RunSpec
from tests.agent.servers import free_port, run

LISTEN = """\
import socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen()
time.sleep(30)
"""
DAEMON = f"""\
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
open("pid", "w").write(str(os.getpid()))
{LISTEN}"""


class _Nowhere:
    """What a TCP probe needs of the context: nothing."""


def start(folder: Path, command: list[str], **entry: Any) -> str:
    """What is said of an app of this one command that does not start; empty when it does."""
    order = {
        "app": str(folder),
        "memory_limit_bytes": 2**30,
        "processes": [{"name": "web", "command": command, "ready_timeout_s": 5.0, **entry}],
    }
    told = RunSpec.of_journal(order)

    async def attempt() -> str:
        record = Record(str(folder / "journal.ndjson"), Clock())
        supervisor = Supervisor(told, record)
        try:
            await bring_up(told, supervisor, _Nowhere(), record)  # type: ignore[arg-type]
        except TargetError as error:
            return str(error)
        finally:
            await supervisor.end()
        return ""

    return run(attempt())


def script(folder: Path, name: str, text: str, mode: int = 0o755) -> list[str]:
    (folder / name).write_bytes(text.encode())
    (folder / name).chmod(mode)
    return [f"./{name}"]


ENDS = "has Windows line ends (its lines end in \\r\\n)"


@pytest.mark.parametrize(
    ("command", "text", "about"),
    [
        (["./run.sh"], "#!/bin/sh\r\nexec sleep 30\r\n", f"cannot run ./run.sh: ./run.sh {ENDS}"),
        (["sh", "run.sh"], "set -e\r\nexec sleep 30\r\n", f": run.sh {ENDS}"),
        (["bash", "-e", "run.sh"], "if true; then\r\n exit 1\r\nfi\r\n", f": run.sh {ENDS}"),
        (
            ["sh", "-c", "cd . && ./run.sh"],
            "#!/bin/sh\r\nsleep 30\r\n",
            f"./run.sh cannot be run: ./run.sh {ENDS}",
        ),
        (
            ["bash", "-c", "cd . && ./run.sh"],
            "#!/bin/sh\r\nsleep 30\r\n",
            f"./run.sh cannot be run: ./run.sh {ENDS}",
        ),
        (["sh", "-c", "exec sh run.sh"], "set -e\r\nsleep 30\r\n", f": a script {ENDS}"),
        (["env", "sh", "-c", "./run.sh"], "#!/usr/bin/env sh\r\nsleep 30\r\n", f": a script {ENDS}"),
        (
            ["./run.sh"],
            "#!/nowhere/ruby\nputs 1\n",
            "its first line asks for '/nowhere/ruby', which is not in the",
        ),
    ],
)
def test_a_script_with_windows_line_ends(tmp_path: Path, command: list[str], text: str, about: str) -> None:
    script(tmp_path, "run.sh", text)
    why = start(tmp_path, command, port=free_port())
    assert about in why
    assert why
    assert "\n" not in why


def test_what_cannot_be_executed_says_what_to_do(tmp_path: Path) -> None:
    assert "chmod +x" in start(tmp_path, script(tmp_path, "plain.sh", "#!/bin/sh\nsleep 30\n", 0o644))
    assert "neither a program" in start(tmp_path, script(tmp_path, "text", "sleep 30\n"))
    assert "no such file in the app's directory" in start(tmp_path, ["./nowhere.sh"])
    assert "no such program in the sandbox; what developing leaves" in start(tmp_path, ["nowhere-at-all"])
    assert "there is no directory" in start(tmp_path, ["sleep", "30"], cwd="nowhere")


def test_a_module_that_is_missing(tmp_path: Path) -> None:
    script(tmp_path, "web.py", "import flask_of_nowhere.parts\n")
    why = start(tmp_path, [sys.executable, "web.py"], port=free_port())
    assert why.startswith(
        "process web ended before it was ready (exit code 1): Python finds no module 'flask_of_nowhere': let 'setup'"
    )
    node = shutil.which("node")
    assert node, "Debian's package nodejs is needed for the tests"
    script(tmp_path, "server.js", "const app = require('express-of-nowhere')()\n")
    why = start(tmp_path, [node, "server.js"], port=free_port())
    assert "Node finds no module 'express-of-nowhere': let 'setup' install it, such as [npm, ci]" in why
    script(tmp_path, "server.mjs", "import x from 'express-of-nowhere'\n")
    assert "Node finds no module 'express-of-nowhere'" in start(
        tmp_path, [node, "server.mjs"], port=free_port()
    )
    assert "Node finds no file" in start(tmp_path, [node, "gone.js"], port=free_port())
    assert "the program 'next-of-nowhere' is not in the sandbox" in start(
        tmp_path, ["sh", "-c", "next-of-nowhere start"], port=free_port()
    )


def test_a_module_that_is_missing_to_one_that_is_started_again(tmp_path: Path) -> None:
    script(tmp_path, "web.py", "import flask_of_nowhere\n")
    why = start(tmp_path, [sys.executable, "web.py"], port=free_port(), restart="always", ready_timeout_s=1.0)
    assert "was not ready within 1 s" in why
    assert "Python finds no module 'flask_of_nowhere'" in why


@pytest.mark.parametrize("restart", ["never", "always"])
def test_a_daemon_that_goes_to_the_background(tmp_path: Path, restart: str) -> None:
    port = free_port()
    script(tmp_path, "daemon.py", DAEMON)
    try:
        why = start(tmp_path, [sys.executable, "daemon.py", str(port)], port=port, restart=restart)
        assert "web went to the background: its command ended with exit code 0" in why
        # which of the two is seen first is the daemon's haste
        assert f"serves port {port}" in why or "ended with it as in a container" in why
        assert "keep it in the foreground" in why
        assert "\n" not in why
    finally:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # ended with its command already
            os.kill(int((tmp_path / "pid").read_text()), 9)


def test_a_server_that_starts_at_the_second_try_is_ready(tmp_path: Path) -> None:
    port = free_port()
    text = f"import os, sys\nif not os.path.exists('x'):\n    open('x', 'w'); sys.exit(0)\n{LISTEN}"
    script(tmp_path, "web.py", text)
    assert start(tmp_path, [sys.executable, "web.py", str(port)], port=port, restart="always") == ""


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("ImportError: No module named flask", "Python finds no module 'flask'"),
        ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@a/b' imported from /app/x.mjs", "'@a/b'"),
        (
            "kernel.rb:136:in `require': cannot load such file -- sinatra (LoadError)",
            "Ruby finds no 'sinatra'",
        ),
        ("Error: Could not find or load main class shop.Main", "Java finds no class 'shop.Main'"),
        ("./web: error while loading shared libraries: libpq.so.5: cannot open", "the library 'libpq.so.5'"),
        ("bash: line 1: gunicorn: command not found", "the program 'gunicorn'"),
        ("./x.sh: line 2: $'\\r': command not found", "a script has Windows line ends"),
        ("-bash: ./run.sh: /bin/sh^M: bad interpreter: No such file or directory", "Windows line ends"),
        ("GET /missing 404 not found", ""),
        ("WARNING: No module named 'uvloop', using asyncio", ""),
        ("hello\r", ""),
        ("progress 1 %\rprogress 2 %", ""),
    ],
)
def test_what_is_known_by_its_line(line: str, about: str) -> None:
    assert (about in said([line, "the last line"])) if about else said([line]) == ""
