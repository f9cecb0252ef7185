"""`chaoslab init`: what it writes is valid and runs, and what is wrong leaves nothing behind."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from chaos.cli.main import cli
from chaos.gitops.repository.source import Source
from flows.cli.sync import sync

CHAOSLAB = [sys.executable, "-m", "flows.main"]
SERVER = "python3 -S -m http.server 8000 --bind 127.0.0.1"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app of somebody, with what developing it leaves behind."""
    folder = tmp_path / "greeter"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "index.html").write_text("hello\n")
    (folder / ".env").write_text("PASSWORD=planted\n")
    return folder


def init(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["init", *map(str, arguments)])


def test_what_it_writes_runs(app: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new/experiments-repository"
    done = init(folder, "--app", app, "--command", SERVER, "--fault", "process_kill", "--hold", "1s")
    assert done.exit_code == 0, done.output
    manifest = folder / "experiments/greeter-process-kill.yaml"
    assert manifest.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    assert (folder / "experiments/schema.json").is_file()
    assert sorted(each.name for each in (folder / "experiments/apps/greeter").iterdir()) == ["index.html"]
    assert CliRunner().invoke(cli, ["validate", str(folder)]).output == "1 manifest(s) valid\n"
    quick = manifest.read_text().replace("baseline: 3s, recovery: 6s", "baseline: 1s, recovery: 3s")
    manifest.write_text(quick.replace("recoverWithin: 5s", "recoverWithin: 3s"))
    run = [*CHAOSLAB, "run", "--no-prefect", "--out", str(tmp_path / "runs"), str(manifest)]
    ran = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (ran.returncode, "HELD  greeter-process-kill" in ran.stdout) == (0, True), ran.stdout + ran.stderr


def test_in_a_terminal_it_asks(app: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*CHAOSLAB, "init", str(tmp_path / "asked")],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.write(ours, f"{app}\n{SERVER}\n8080\n/health\ngitea\n".encode())
        said, asked = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, asked.decode()
    assert b"The app's directory: How is it started" in asked.replace(b"\n", b"")
    assert b"wrote" in said
    text = (tmp_path / "asked/experiments/greeter-network-delay.yaml").read_text()
    assert "http://127.0.0.1:8080/health" in text
    assert (tmp_path / "asked/.gitea/workflows/chaoslab.yaml").is_file()


def test_an_app_of_the_repository_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "services/web").mkdir(parents=True)
    (tmp_path / "services/web/app.py").write_text("")
    assert init(tmp_path, "--app", tmp_path / "services/web").exit_code == 0  # app.py says how it is started
    made = yaml.safe_load((tmp_path / "experiments/web-network-delay.yaml").read_text())
    assert made["spec"]["target"]["app"] == "../services/web"
    assert made["spec"]["target"]["processes"][0]["command"] == ["python3", "app.py"]


def test_an_image_needs_no_command(tmp_path: Path) -> None:
    done = init(tmp_path, "--image", "docker.io/library/nginx:1.29", "--port", 80, "--fault", "disk_full")
    assert done.exit_code == 0, done.output
    made = yaml.safe_load((tmp_path / "experiments/nginx-disk-full.yaml").read_text())
    assert made["spec"]["sandbox"] == {"type": "container"}


def test_every_scenario_can_be_begun_with_and_another_app_added(app: Path, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    faults = ("network_delay", "memory_pressure", "disk_full", "process_kill", "dependency_failure")
    given = [part for fault in faults for part in ("--fault", fault)]
    first = init(folder, "--app", app, "--command", SERVER, "--dependency", "db.internal:5432", *given)
    assert first.exit_code == 0, first.output
    assert init(folder, "--app", app, "--command", SERVER, "--name", "other").exit_code == 0
    assert CliRunner().invoke(cli, ["validate", str(folder)]).output == "6 manifest(s) valid\n"
    here = folder / "experiments/apps/greeter"
    twice = init(folder, "--app", here, "--command", SERVER)
    assert (twice.exit_code, "is there already, and is not overwritten" in twice.output) == (2, True)
    again = init(folder, "--app", app, "--command", SERVER)
    assert (again.exit_code, "greeter: is there already; name it by --app" in again.output) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--command", SERVER], "--app is missing: the app's directory?"),
        (["--app", "APP"], "--command is missing: how is it started"),
        (["--app", "nowhere", "--command", SERVER], "nowhere is no directory"),
        (["--app", "APP", "--image", "nginx"], "one of the two"),
        (["--app", "APP", "--command", "python3 'x"], "No closing quotation"),
        (["--app", "APP", "--command", SERVER, "--hold", "3"], "is not a duration such as 300ms"),
        (["--app", "APP", "--command", SERVER, "--url-path", "health"], "expected a path such as /health"),
        (["--app", "APP", "--command", SERVER, "--name", "A B"], "expected lower-case letters"),
        (["--app", "APP", "--command", SERVER, "--fault", "dependency_failure"], "needs --dependency"),
        (["--app", "PARENT", "--command", SERVER], "holds the repository itself"),
        (["--image", "nginx", "--sandbox", "local"], "sandbox 'local' runs no images"),
    ],
)
def test_what_is_wrong_is_said_and_leaves_nothing_behind(
    app: Path, tmp_path: Path, arguments: list[str], why: str
) -> None:
    named = {"APP": str(app), "PARENT": str(tmp_path)}
    done = init(tmp_path / "new", *(named.get(each, each) for each in arguments))
    assert done.exit_code == 2
    assert why in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "new").exists()


def test_an_app_that_cannot_be_shipped_is_not_copied(app: Path, tmp_path: Path) -> None:
    (app / "passwords").symlink_to("/etc/passwd")
    done = init(tmp_path / "new", "--app", app, "--command", SERVER)
    assert (done.exit_code, "passwords: a link that leaves the app's directory" in done.output) == (2, True)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_the_ci_job_s_own_lines_do_what_they_should(app: Path, tmp_path: Path, forge: str) -> None:
    """Its scripts are run by a shell as the forge would, with a `chaoslab` that prints what it is told."""
    assert init(tmp_path, "--app", app, "--command", SERVER, "--ci", forge).exit_code == 0
    validate, brought = scripts(tmp_path, forge)
    environment = {
        "REPOSITORY": "https://git.example/team/shop.git",
        "BRANCH": "main",
        "CI_PROJECT_URL": "https://git.example/team/shop",
        "CI_DEFAULT_BRANCH": "main",
        "OUT": "/var/lib/chaoslab/runs",
    }
    assert told(validate, environment) == (0, ["validate", "experiments"])
    assert told(brought, environment)[0] != 0  # or it would begin a Prefect server of its own, and be green
    code, arguments = told(brought, environment | {"PREFECT_API_URL": "https://prefect.example/api"})
    assert (code, arguments[0]) == (0, "sync")
    given = sync.make_context("sync", arguments[1:]).params
    (repository,) = given["repositories"]
    assert Source.parse(repository) == Source("https://git.example/team/shop.git", "main", "experiments")
    assert given["out"] == Path("/var/lib/chaoslab/runs")


def scripts(folder: Path, forge: str) -> tuple[str, str]:
    """The last lines of its two jobs."""
    if forge == "gitlab":
        jobs = yaml.safe_load((folder / ".gitlab-ci.yml").read_text())
        return "\n".join(jobs["chaoslab-validate"]["script"]), "\n".join(jobs["chaoslab-sync"]["script"])
    jobs = yaml.safe_load((folder / ".github/workflows/chaoslab.yaml").read_text())["jobs"]
    return jobs["validate"]["steps"][-1]["run"], jobs["sync"]["steps"][-1]["run"]


def told(script: str, environment: dict[str, str]) -> tuple[int, list[str]]:
    whole = f"chaoslab() {{ printf '%s\\0' \"$@\"; }}\n{script}"
    done = subprocess.run(
        ["bash", "-e", "-c", whole], capture_output=True, text=True, env=environment, check=False
    )
    return done.returncode, done.stdout.split("\0")[:-1]


@pytest.mark.parametrize("fault", ["process_kill", "network_delay"])
def test_what_it_writes_waits_for_an_answer_and_not_for_a_port(app: Path, tmp_path: Path, fault: str) -> None:
    """Servers that fork (gunicorn) listen long before their workers answer; the first run is no place to learn that."""
    folder = tmp_path / "new"
    done = init(
        folder, "--app", app, "--command", SERVER, "--url-path", "/work", "--fault", fault, "--hold", "10s"
    )
    assert done.exit_code == 0, done.output
    made = yaml.safe_load((folder / f"experiments/greeter-{fault.replace('_', '-')}.yaml").read_text())
    (web,) = made["spec"]["target"]["processes"]
    assert web["ready"] == {"type": "http", "url": "http://127.0.0.1:8000/work"}
