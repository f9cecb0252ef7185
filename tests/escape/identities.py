"""Who runs the sandbox: root and an ordinary user with one id on this machine, Podman, the double of E2B."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.runs.journal import Journal
from tests.escape.canaries import Canary, canary
from tests.escape.conduct import program
from tests.lab import ROOT
from tests.sandboxes.containers import ENGINE, engine, image
from tests.sandboxes.microvm import at_double

ORDINARY_ID = 1000
IS_ROOT = os.geteuid() == 0
IDENTITIES = ("local-root", "local-user", "container", "image", "e2b") if IS_ROOT else ("local-user", "e2b")
"""Nobody but root can be tried as root; Debian's Podman needs root where /etc/subuid gives no ranges."""
_ENDS_WITHIN_S = 150.0


@dataclass(frozen=True)
class Tried:
    """What one run came to."""

    identity: str
    answers: Mapping[str, Mapping[str, Any]]
    """The app's lines, by the attempt's name."""
    events: list[Any]
    seen: Mapping[str, Any]
    """What was seen from outside when the agent had ended."""
    touched: list[str]
    """What of the host's canary is not as it was put."""


@contextmanager
def tried(identity: str) -> Iterator[Tried]:
    """One sandbox, one run, all attempts."""
    with tempfile.TemporaryDirectory(prefix="chaoslab-escape-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        with canary(folder) as put:
            yield conducted(identity, folder, put)


def conducted(identity: str, folder: Path, put: Canary) -> Tried:
    """Run `tests.escape.conduct` as that identity."""
    work = folder / "work"
    work.mkdir()
    match identity:
        case "local-root":
            seen = _run([sys.executable], "local", work, put, {})
        case "local-user":
            seen = _run(as_ordinary_user(folder, work), "local", work, put, {"PYTHONPATH": packages()})
        case "container":
            need(ENGINE, "podman")
            settings = {"CHAOSLAB_CONTAINER_ENGINE": ENGINE, "CHAOSLAB_CONTAINER_IMAGE": image()}
            seen = _run([sys.executable], "container", work, put, settings)
        case "image":
            need(ENGINE, "podman")
            settings = {"CHAOSLAB_CONTAINER_ENGINE": ENGINE, "CHAOSLAB_CONTAINER_IMAGE": image()}
            with app_image(folder) as name:
                seen = _run([sys.executable], "container", work, put, settings, name)
        case "e2b":
            with at_double() as double:
                seen = _run([sys.executable], "e2b", work, put, double.environment)
        case _:
            raise ValueError(identity)
    events = list(Journal(Path(seen["folder"]) / "journal.ndjson").events())
    return Tried(identity, answers_of(events), events, seen, put.touched())


@contextmanager
def app_image(folder: Path) -> Iterator[str]:
    """A user's image with the app in it, for a block: everything of the base image, and the attempts."""
    name = f"localhost/chaoslab-test-escape:{os.getpid()}"
    (folder / "attempts.pyz").write_bytes(program())
    (folder / "Containerfile").write_text(f"FROM {image()}\nCOPY attempts.pyz /app/\nWORKDIR /app\n")
    engine("build", "--network=none", "--tag", name, "--file", str(folder / "Containerfile"), str(folder))
    try:
        yield name
    finally:
        engine("rmi", "--force", name)


def answers_of(events: list[Any]) -> dict[str, dict[str, Any]]:
    """The lines of the process that makes the attempts."""
    found = {}
    for event in events:
        if (
            event.type == "log.captured"
            and event.data["process"] == "attempts"
            and event.data["line"].startswith("{")
        ):
            answer = json.loads(event.data["line"])
            found[answer["name"]] = answer
    return found


def as_ordinary_user(folder: Path, work: Path) -> list[str]:
    """An interpreter of that user's own, whose prefix he may write to; as root, by setpriv(1)."""
    if not IS_ROOT:
        return [sys.executable]
    need("setpriv", "util-linux")
    os.chown(work, ORDINARY_ID, ORDINARY_ID)
    become = ["setpriv", f"--reuid={ORDINARY_ID}", f"--regid={ORDINARY_ID}", "--clear-groups"]
    own = folder / "own"
    own.mkdir()
    os.chown(own, ORDINARY_ID, ORDINARY_ID)
    python = "/usr/bin/python3"
    need(python, "python3-venv")
    made = [*become, python, "-m", "venv", "--without-pip", str(own)]
    subprocess.run(made, check=True, capture_output=True, timeout=60)
    return [*become, str(own / "bin/python")]


def packages() -> str:
    return os.pathsep.join([str(ROOT), sysconfig.get_paths()["purelib"]])


def need(program: str, package: str) -> None:
    """Fail with what to install when it is missing: a skip would hide it."""
    assert shutil.which(program), (
        f"{program} is missing: apt-get install {package} (scripts/packages {package})"
    )


def _run(
    python: list[str], type_: str, work: Path, put: Canary, variables: Mapping[str, str], image_: str = ""
) -> dict[str, Any]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), "CHAOSLAB_RUNTIME_DIR": str(work / "boxes")}
    (work / "repository").mkdir(mode=0o755)
    os.chown(work / "repository", work.stat().st_uid, work.stat().st_gid)
    done = subprocess.run(
        [*python, "-B", "-m", "tests.escape.conduct", type_, str(work / "repository"), image_],
        input=json.dumps(put.facts),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**environment, **variables},
        timeout=_ENDS_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen
