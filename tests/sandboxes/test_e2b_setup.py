"""An app's setup on E2B: once for what it reads, in a template; each machine has what it made, and the app as it is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos.cli.main import cli
from chaos.errors import TargetError
from chaos.manifests.load import load
from chaos.planning.plan import plan
from chaos.runner import stages as runner
from chaos.runner.closing import destroy
from chaos.runner.provision import reads, setup_of
from chaos.runs.directory import Run
from chaos.sandboxes import connect
from tests.doubles.e2b.running import Double
from tests.lab import WEB, Lab
from tests.sandboxes.microvm import at_double

SANDBOX = {"type": "e2b", "memory": "128MiB", "disk": "8MiB", "ttl": "2m"}
COMMANDS = [["sh", "-c", "ls > seen; cp requirements.txt installed"]]


@pytest.fixture
def double() -> Iterator[Double]:
    with at_double() as double:
        yield double


def manifest(lab: Lab, **target: object) -> Path:
    """One whose setup copies its list of requirements, and writes down what is beside it."""
    (lab.folder / "app/requirements.txt").write_text("flask\n")
    whole = {"app": "app", "setup": COMMANDS, "processes": [WEB], **target}
    return lab.manifest(sandbox=SANDBOX, target=whole)


async def files_of_a_machine(path: Path, runs: Path) -> dict[str, str]:
    """What is in its /app when it is ready for the agent."""
    drawn = plan(load(str(path))[0])
    run = Run.new(drawn.name, runs)
    ref = await runner.open_sandbox(drawn, run)
    box = await connect(ref)
    try:
        done = await box.run(["sh", "-c", "cd /app && head -v -n 1 *"])
    finally:
        await box.close()
        await destroy(run, ref)
    sections = done.stdout.decode().removeprefix("==> ").split("\n==> ")
    return {name: text.strip() for name, _, text in (each.partition(" <==\n") for each in sections)}


def test_only_a_change_of_what_setup_reads_builds_again(tmp_path: Path, double: Double) -> None:
    lab = Lab(tmp_path)
    path = manifest(lab, setupFiles=["requirements.txt"])

    def machine() -> tuple[dict[str, str], int]:
        return asyncio.run(files_of_a_machine(path, lab.runs)), double.said()["builds"]

    files, builds = machine()
    assert files["installed"] == "flask"
    assert "server.py" in files
    assert builds == 1
    (lab.folder / "app/server.py").write_text("changed")
    files, builds = machine()
    assert (files["server.py"], files["installed"], builds) == ("changed", "flask", 1)
    (lab.folder / "app/requirements.txt").write_text("flask==3\n")
    files, builds = machine()
    assert (files["requirements.txt"], files["installed"], builds) == ("flask==3", "flask==3", 2)


def test_the_verb_builds_what_a_manifest_wants_and_a_run_finds_it(tmp_path: Path, double: Double) -> None:
    lab = Lab(tmp_path)
    path = manifest(lab)
    done = CliRunner().invoke(cli, ["template", "build", str(path)])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("chaoslab-base-")
    assert set(asyncio.run(files_of_a_machine(path, lab.runs))) == {
        "server.py",
        "requirements.txt",
        "seen",
        "installed",
    }
    assert double.said()["builds"] == 1


def test_the_verb_says_when_a_manifest_wants_no_template(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["template", "build", str(Lab(tmp_path).manifest(sandbox=SANDBOX))])
    assert done.exit_code == 2
    assert "needs no template of its own: it has neither an image nor a setup" in done.output


@pytest.mark.parametrize(
    ("patterns", "name", "read"),
    [
        ([], "any/thing.py", True),
        (["requirements*.txt"], "requirements-dev.txt", True),
        (["requirements*.txt"], "server.py", False),
        (["vendor"], "vendor/one/two.whl", True),
        (["vendor"], "vendors", False),
    ],
)
def test_what_setup_reads(patterns: list[str], name: str, read: bool) -> None:
    assert reads(patterns, name) is read


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    path = manifest(Lab(tmp_path), setupFiles=["requirements.txt", "package.json"])
    with pytest.raises(TargetError, match=r"setupFiles: 'package\.json' is no file of the app"):
        setup_of(plan(load(str(path))[0]))
