"""The local Prefect server: one, ours, found again, ended for good, and clear words when it cannot be had."""

import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.server import api as server
from flows.server.door import ports
from flows.server.local import secret_for
from flows.server.process import Background
from tests.flows.conftest import environment

ASK = """
import dataclasses, json
from flows.server import api as server
print(json.dumps(dataclasses.asdict(server.ensure_api())))
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One state folder for this module: only its first start pays for making the database."""
    home = tmp_path_factory.mktemp("state")
    with environment(CHAOSLAB_STATE_DIR=str(home)), temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield home
        server.down()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A state folder in which nothing ever ran."""
    with (
        environment(CHAOSLAB_STATE_DIR=str(tmp_path)),
        temporary_settings(restore_defaults={PREFECT_API_URL}),
    ):
        yield tmp_path
        server.down()


def test_two_commands_at_once_share_one_server(state: Path) -> None:
    commands = [subprocess.Popen([sys.executable, "-c", ASK], stdout=subprocess.PIPE) for _ in range(2)]
    apis = [json.loads(command.communicate()[0]) for command in commands]

    assert apis[0]["url"] == apis[1]["url"]
    assert sorted(api["started"] for api in apis) == [False, True]
    seen = server.status()
    assert (seen.local, seen.answers, seen.configured) == (apis[0]["url"], True, None)
    assert seen.pid is not None
    assert os.getsid(seen.pid) == seen.pid, "a terminal's Ctrl-C must not reach it"


def test_it_listens_on_the_loopback_only(state: Path) -> None:
    port = httpx.URL(server.ensure_api().url).port
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]

    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_a_killed_server_is_replaced_beside_a_foreign_program_on_its_port(state: Path) -> None:
    before = server.ensure_api()
    pid, port = server.status().pid, httpx.URL(before.url).port
    assert pid is not None
    assert port is not None
    _kill(pid)

    with socket.create_server(("127.0.0.1", port)):
        after = server.ensure_api()

    assert after.started
    assert after.url != before.url
    assert httpx.get(f"{after.url}/health").json() is True


def test_a_port_that_somebody_takes_before_it_is_bound_is_left_to_them(state: Path) -> None:
    server.ensure_api()
    server.down()
    record = state / "prefect/server.json"
    with ThreadPoolExecutor(1) as pool:
        rival = pool.submit(_taken_as_soon_as_it_is_chosen, record)
        said: list[str] = []
        api = server.ensure_api(said.append)
        with rival.result() as socket_:
            port = socket_.getsockname()[1]

    assert f"another program was faster on port {port}" in said
    assert httpx.URL(api.url).port not in (None, port)
    assert api.started
    assert httpx.get(f"{api.url}/health").json() is True


def _taken_as_soon_as_it_is_chosen(record: Path) -> socket.socket:
    """Bind the port of a server that was started this moment: it needs seconds until it binds it itself."""
    deadline = monotonic() + 60
    while not record.exists():
        assert monotonic() < deadline, "no server was started"
        sleep(0.005)
    return socket.create_server(("127.0.0.1", json.loads(record.read_text())["port"]))


OLD = """
import http.server, sys
class Old(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"true")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Old).serve_forever()
"""
"""What a server of an older version is for us: recorded, healthy, and open to anybody."""


def test_a_server_that_an_older_version_left_open_is_started_anew(state: Path) -> None:
    server.down()
    port = ports.first_free()
    assert port is not None
    old = Background.start(
        [sys.executable, "-c", OLD, str(port)], port=port, env=os.environ, cwd=state, log=state / "old.log"
    )
    old.save(state / "prefect/server.json")
    (state / "prefect").chmod(0o755)
    said: list[str] = []
    api = server.ensure_api(said.append)

    assert "answers anybody" in said[0]
    assert old.ended_within(0)
    assert httpx.URL(api.url).port == port
    assert httpx.get(f"{api.url}/flows/count").status_code in (401, 405)
    assert httpx.post(f"{api.url}/flows/count", json={}).status_code == 401
    assert stat.S_IMODE((state / "prefect").stat().st_mode) == 0o700


def test_a_server_whose_secret_is_lost_is_started_anew_and_others_hear_of_none(state: Path) -> None:
    api = server.ensure_api()
    before = server.status().pid
    secret = secret_for(api.url)
    assert secret is not None
    assert secret_for(api.url.replace("127.0.0.1", "localhost")) == secret
    for other in (
        api.url.replace("http:", "https:"),
        api.url.replace("127.0.0.1", "127.0.0.1.evil.example"),
        api.url.replace("127.0.0.1", "127.0.0.1@evil.example"),
        "http://127.0.0.1:1/api",
        "http://127.0.0.1:99999/api",
        "http://127.0.0.1:x/api",
        "http://127.0.0.1/api",
        "nonsense",
        "http://[oops",
    ):
        assert secret_for(other) is None

    (state / "prefect/secret").unlink()
    assert secret_for(api.url) is None
    said: list[str] = []
    after = server.ensure_api(said.append)
    assert len(said) == 1
    assert (after.started, server.status().pid != before) == (True, True)
    assert secret_for(after.url) not in (None, secret)
    pid = server.status().pid
    server.down()
    assert _gone(pid or 0)
    assert secret_for(after.url) is None, "whoever takes its port now is not told"


def test_down_ends_it_once(state: Path) -> None:
    server.ensure_api()
    pid = server.status().pid
    assert pid is not None

    assert server.down() is True
    assert _gone(pid)
    assert server.status().local is None
    assert server.down() is False


def test_a_recycled_pid_is_left_alone(empty: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (empty / "prefect").mkdir()
        Background(bystander.pid, began=1, port=4200).save(empty / "prefect/server.json")

        assert server.status().local is None
        assert server.down() is False
        assert bystander.poll() is None
        bystander.kill()


def test_a_silent_configured_api_is_one_error_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/api"
        began = monotonic()
        with (
            temporary_settings({PREFECT_API_URL: url}),
            pytest.raises(server.ServerError, match=r"does not answer.*unset PREFECT_API_URL"),
        ):
            server.ensure_api()
    assert monotonic() - began < 20.0  # two seconds of patience, not the minutes of Prefect's own retries


def test_a_state_folder_that_cannot_be_made_is_one_error(empty: Path) -> None:
    (empty / "file").touch()
    with (
        environment(CHAOSLAB_STATE_DIR=str(empty / "file")),
        pytest.raises(server.ServerError, match="CHAOSLAB_STATE_DIR"),
    ):
        server.ensure_api()


def test_a_disk_that_takes_nothing_is_one_error_and_leaves_no_server(empty: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "from flows.server import api as server\n"
        "try: server.ensure_api()\n"
        "except server.ServerError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "cannot keep its files" in done.stdout
    assert done.stderr == ""
    assert not _commands_that_mention(empty)


def test_a_server_that_ends_at_once_is_one_error_with_its_last_words(empty: Path) -> None:
    (empty / "prefect").mkdir()
    (empty / "prefect/prefect.db").write_text("not a database, whatever its name says\n" * 200)

    with pytest.raises(server.ServerError, match=r"ended at once: .*server\.log"):
        server.ensure_api()
    assert server.status().local is None


def _kill(pid: int) -> None:
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([pidfd], [], [], 10.0)[0], "it did not die"
    os.close(pidfd)


def _gone(pid: int) -> bool:
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    os.close(pidfd)
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _commands_that_mention(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment_ = (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"PREFECT_HOME={folder}".encode() in environment_:
            found.append((process / "cmdline").read_text())
    return found
