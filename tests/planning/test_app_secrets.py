"""What of an app's directory stays on the machine that runs it, and what is said of it."""

import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from chaos.errors import ManifestError, TargetError
from chaos.manifests.load import load
from chaos.planning.app_secrets import look_like_secrets
from chaos.planning.app_source import AppFiles, archive, names, survey
from chaos.planning.describe import describe
from chaos.planning.plan import Plan, draw, plan
from chaos.runner.provision import setup_of
from tests.manifests.a_repository import SMALL, a_manifest

SECRETS = [
    ".env",
    ".env.production",
    "conf/prod.env",
    "tls/server.key",
    "tls/client.P12",
    "id_ed25519",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".aws/config",
    "home/.ssh/known_hosts",
    "credentials.json",
    "terraform.tfstate",
]
PLAIN = [
    ".env.example",
    "keys.py",
    "secrets.py",
    "id_rsa.pub",
    "env/main.py",
    "turkey",
    "monkey.txt",
    "ca.pem",
]


@pytest.mark.parametrize("name", SECRETS)
def test_it_looks_like_a_secret(tmp_path: Path, name: str) -> None:
    assert look_like_secrets(tmp_path, [name]) == [name]


@pytest.mark.parametrize("name", PLAIN)
def test_it_does_not(tmp_path: Path, name: str) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    assert look_like_secrets(tmp_path, [name]) == []


def test_a_pem_file_is_one_when_it_holds_a_private_key(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_text("-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n")
    assert look_like_secrets(tmp_path, ["both.pem"]) == ["both.pem"]


def repository(root: Path, app: str, command: str = "cat .env") -> Path:
    """A manifest in a git repository with a `.env` that git ignores."""
    text = SMALL.replace("../apps/shop", app).replace("[python3, web.py]", f"[sh, -c, '{command}']")
    path = a_manifest(root, text)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    (root / ".gitignore").write_text(".env\n")
    (root / ".env").write_text("STRIPE_KEY=planted\n")
    return path


def shipped(made: Plan) -> dict[str, bytes]:
    left = set(made.left_out)
    with tarfile.open(fileobj=io.BytesIO(archive(Path(str(made.app)), lambda name: name not in left))) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one)) is not None}


def test_a_repository_as_an_app_comes_without_git_s_own_and_without_secrets(tmp_path: Path) -> None:
    made = plan(load(repository(tmp_path, "../../."))[0])
    assert made.left_out == [".env"]
    assert ".gitignore" in shipped(made)
    assert not any(name.startswith(".git/") for name in shipped(made))
    assert b"planted" not in b"".join(shipped(made).values())
    line = next(line.strip() for line in describe(made).splitlines() if "left out" in line)
    assert line.startswith("left out, looking like secrets that git does not track: .env; process ")
    assert "names .env" in line
    assert made.order()["left_out"] == [".env"]
    assert Plan.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    "app", ["../../.git", "../../.git/hooks", "../../x/../.git/.", "../apps/alias", "../../.GIT"]
)
def test_git_s_own_directory_is_no_app(tmp_path: Path, app: str) -> None:
    path = repository(tmp_path, app)
    (path.parent.parent / "apps/alias").symlink_to(tmp_path / ".git")
    (tmp_path / "x").mkdir()
    if not (tmp_path / ".GIT").exists():
        (tmp_path / ".GIT").mkdir()
    with pytest.raises(ManifestError, match=r"git's own directory") as caught:
        load(path)
    assert [problem.path for problem in caught.value.problems] == ["spec.target.app"]


def test_nor_when_it_has_another_name(tmp_path: Path) -> None:
    path = repository(tmp_path, "../../meta/store")
    (tmp_path / "meta").mkdir()
    subprocess.run(["git", "init", "-q", "--separate-git-dir=meta/store"], cwd=tmp_path, check=True)
    assert (tmp_path / ".git").is_file()
    with pytest.raises(ManifestError, match=r"git's own directory"):
        load(path)
    path.write_text(path.read_text().replace("../../meta/store", "../../."))
    found = names(Path(str(plan(load(path)[0]).app)))
    assert not any(name.startswith(("meta/", ".git/")) or name == ".git" for name in found)


def test_a_template_of_git_s_own_directory_is_refused(tmp_path: Path) -> None:
    path = repository(tmp_path, "../apps/shop")
    path.write_text(path.read_text() + "  dashboard: ../../.git/mine.j2\n")
    (tmp_path / ".git/mine.j2").write_text("{}")
    with pytest.raises(ManifestError, match=r"git's own directory"):
        load(path)


def test_what_git_tracks_is_the_repository_s_and_is_shipped(tmp_path: Path) -> None:
    path = repository(tmp_path, "../../.")
    subprocess.run(["git", "add", "-f", ".env"], cwd=tmp_path, check=True)
    made = plan(load(path)[0])
    assert made.left_out == []
    assert "left out" not in describe(made)


def test_outside_of_git_nobody_can_say_and_they_stay(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / "web.py").write_text("")
    found = survey(tmp_path)
    assert (found.left_out, found.count) == ((".env",), 1)
    assert found.digest == survey(tmp_path).digest
    assert survey(tmp_path, committed=True).left_out == ()


def test_a_secret_decides_nothing_about_the_digest(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text("")
    without = survey(tmp_path)
    (tmp_path / ".env").write_text("A=1")
    assert survey(tmp_path).digest == without.digest
    assert (survey(tmp_path).bytes, survey(tmp_path).count) == (without.bytes, without.count)


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("cat ./.env", True),
        ("node --env-file=.env a.js", True),
        ("cat /app/.env", True),
        ("cat .env.example", False),
        ("cat my.env", False),
    ],
)
def test_a_command_that_names_one_is_told(tmp_path: Path, command: str, named: bool) -> None:
    made = plan(load(repository(tmp_path, "../../.", command))[0])
    assert ("names .env" in describe(made)) is named


def test_setup_files_that_name_one_are_told(tmp_path: Path) -> None:
    path = repository(tmp_path, "../../.")
    path.write_text(
        path.read_text().replace("  target:\n", "  target:\n    setup: [[pip, -V]]\n    setupFiles: [.env]\n")
    )
    with pytest.raises(TargetError, match=r"'\.env' was left out: it looks like a secret"):
        setup_of(plan(load(path)[0]))


def test_links_that_leave_devices_and_sockets_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    app = tmp_path / "app"
    app.mkdir()
    (app / "link").symlink_to(outside)
    os.mkfifo(app / "pipe")
    wrong = survey(app).wrong
    assert wrong == (
        "link: a link that leaves the app's directory",
        "pipe: neither a file, a directory nor a link",
    )


def test_pipes_that_look_like_something_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    os.mkfifo(tmp_path / "a.pem")
    assert survey(tmp_path).wrong == ("a.pem: neither a file, a directory nor a link",)


def test_a_link_to_a_secret_does_not_bring_it(tmp_path: Path) -> None:
    path = repository(tmp_path, "../../.")
    (tmp_path / "config").symlink_to(".git/config")
    (tmp_path / "innocent").symlink_to(".env")
    made, refusals = draw(load(path)[0])
    assert refusals == []
    with tarfile.open(fileobj=io.BytesIO(archive(Path(str(made.app)), lambda name: name != ".env"))) as tar:
        assert {tar.getmember(name).type for name in ("config", "innocent")} == {tarfile.SYMTYPE}


def test_nothing_left_out_says_nothing() -> None:
    assert AppFiles("", 0, 0).left_out == ()
