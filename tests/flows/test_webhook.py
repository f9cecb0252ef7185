"""`chaoslab gitops webhook`: a forge calls, and Prefect has what was pushed."""

import hashlib
import hmac
import json
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from flows.main import cli
from flows.server.api import Api
from tests.flows.conftest import environment
from tests.flows.patience import client
from tests.gitops.repository import Repository, manifest

SECRET = "0123456789abcdef0123456789abcdef"
WITHIN_S = 120.0


def called(url: str, repository: str) -> int:
    """As Gitea calls."""
    body = json.dumps(
        {"ref": "refs/heads/main", "repository": {"clone_url": f"file://{repository}"}}
    ).encode()
    proof = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Gitea-Event": "push",
        "X-Gitea-Signature": proof,
        "X-Hub-Signature-256": f"sha256={proof}",
    }
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def test_a_forge_calls_and_what_was_pushed_is_deployed(prefect_server: Api, tmp_path: Path) -> None:
    """The next look of its own is an hour away."""
    name = f"w{secrets.token_hex(4)}"
    repository = Repository.make(tmp_path / name)
    repository.commit()
    command = [sys.executable, "-m", "flows.main", "gitops", "webhook", str(repository.folder)]
    options = ["--listen", "127.0.0.1:0", "--every", "3600", "--out", str(tmp_path / "runs")]
    with (
        environment(PREFECT_API_URL=prefect_server.url, CHAOSLAB_WEBHOOK_SECRET=SECRET),
        subprocess.Popen(
            [*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as program,
    ):
        assert program.stderr is not None
        assert program.stdout is not None
        url = program.stderr.readline().split()[2]
        assert "0 experiment(s)" in program.stdout.readline()
        repository.write("experiments/one.yaml", manifest(name, more="  onPush: false\n"))
        commit = repository.commit()
        assert called(url, str(repository.folder)) == 202
        assert program.stdout.readline() == f"create  {name}: new in experiments/one.yaml\n"
        with client(prefect_server.url) as api:
            found = api.get(f"/deployments/name/experiment/{name}")
        assert found.raise_for_status().json()["version"] == commit[:12]
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=WITHIN_S)
        assert program.returncode == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["webhook", "https://git.example/a.git"],
            "CHAOSLAB_WEBHOOK_SECRET: expected at least 16 characters",
        ),
        (["webhook", "https://git.example/a.git", "--listen", "8787"], "expected HOST:PORT"),
        (["webhook", "https://git.example/a.git", "--listen", "127.0.0.1:99999"], "expected HOST:PORT"),
        (["webhook", "https://git.example/a.git#x", "https://git.example/a.git#y"], "named twice"),
        (["schedule", "https://me:secret@git.example/a.git"], "its password would show in the Prefect UI"),
        (["schedule", "ssh://me:secret@git.example/a.git"], "its password would show in the Prefect UI"),
        (["schedule", "ftp://git.example/a.git"], "ftp is not followed"),
    ],
)
def test_what_is_wrong_is_said_before_anything_begins(arguments: list[str], why: str) -> None:
    with environment(CHAOSLAB_WEBHOOK_SECRET="short", CHAOSLAB_STATE_DIR="/nonexistent"):
        done = CliRunner().invoke(cli, ["gitops", *arguments])
    assert (done.exit_code, why in done.output) == (2, True), done.output
    assert "secret@" not in done.output
