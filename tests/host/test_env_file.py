"""Which `.env` is the user's own, and what of it counts: each kind of place a stranger's file can lie in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos.host.env_file import EnvFileError
from chaos.settings import Settings, _rules, file_in_force, heed

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "CHAOSLAB_CONTAINER_ENGINE=./tools/engine\n"
    "GROQ_BASE_URL=http://127.0.0.1:4321\n"
    "LLM_BASE_URL=http://127.0.0.1:4321/v1\n"
    "CHAOSLAB_NOTICE_URL=http://127.0.0.1:4321/notice\n"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to stand in, and none of the variables of whoever runs the tests."""
    for name in [*Settings.model_fields, "chaoslab_env_file"]:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def write(folder: Path, text: str = HOSTILE, *, track: bool = False, mode: int = 0o600) -> Path:
    file = folder / ".env"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    if track:
        git(folder, "add", "-f", ".env")
    return file


def test_one_of_the_user_s_own_counts_in_a_clone(here: Path) -> None:
    git(here, "init", "-q")
    write(here, "GROQ_API_KEY=gsk_own\nGROQ_BASE_URL=http://127.0.0.1:1\nCHAOSLAB_CONTAINER_ENGINE=podman\n")
    settings = Settings()
    assert settings.groq_api_key is not None
    assert settings.groq_api_key.get_secret_value() == "gsk_own"
    assert settings.groq_base_url == "http://127.0.0.1:1"
    assert settings.chaoslab_container_engine == "podman"
    assert file_in_force().remark == ""


def nothing_counts(why: str) -> None:
    settings, found = Settings(), file_in_force()
    assert (
        settings.groq_base_url is settings.chaoslab_container_engine is settings.chaoslab_notice_url is None
    )
    assert settings.llm_base_url is None
    assert found.values == {}
    assert why in found.remark
    assert "CHAOSLAB_ENV_FILE=" in found.remark
    assert "\n" not in found.remark


def test_one_that_git_tracks_does_not_count(here: Path) -> None:
    git(here, "init", "-q")
    write(here, track=True)
    nothing_counts("git tracks it")


def test_nor_in_a_folder_below_the_repository_s_root(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(here, "init", "-q")
    write(here / "deep/down", track=True)
    monkeypatch.chdir(here / "deep/down")
    nothing_counts("git tracks it")


@pytest.mark.parametrize(
    "name", ["GRÖSSE", "Größe", "two words", "a'b", "[x]", ":(exclude)", "-x", "new\nline"]
)
def test_nor_in_a_folder_of_any_name(here: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    git(here, "init", "-q")
    write(here / name, track=False)
    git(here / name, "add", "-f", ".env")
    monkeypatch.chdir(here / name)
    nothing_counts("git tracks it")


def test_nor_in_a_repository_within_the_one_that_tracks_it(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(here, "init", "-q")
    write(here / "inner", track=True)
    git(here / "inner", "init", "-q")
    monkeypatch.chdir(here / "inner")
    nothing_counts("git tracks it")


def test_nor_in_a_submodule(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    git(theirs, "init", "-q")
    write(theirs, track=True)
    git(theirs, "commit", "-qm", "x")
    git(here, "init", "-q")
    git(here, "submodule", "add", "-q", str(theirs), "sub")
    monkeypatch.chdir(here / "sub")
    nothing_counts("git tracks it")


def test_nor_in_a_folder_that_looks_like_a_bare_repository(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(here, "init", "-q")
    bare = here / "bare"
    git(here, "init", "-q", "--bare", "bare")
    write(bare)
    git(here, "add", "-f", "--", "bare/.env")
    monkeypatch.chdir(bare)
    nothing_counts("git tracks it")


def test_nor_through_a_link_that_is_not_tracked(here: Path) -> None:
    git(here, "init", "-q")
    (here / "env.sample").write_text(HOSTILE)
    git(here, "add", "env.sample")
    (here / ".env").symlink_to("env.sample")
    nothing_counts("git tracks it")


def test_nor_with_other_letters_where_the_disk_knows_no_case(here: Path) -> None:
    git(here, "init", "-q")
    write(here)
    entry = subprocess.run(
        ["git", "hash-object", "-w", ".env"], cwd=here, capture_output=True, text=True, check=True
    )
    git(here, "update-index", "--add", "--cacheinfo", f"100644,{entry.stdout.strip()},.ENV")
    nothing_counts("git tracks it")


def test_what_a_repository_or_the_environment_names_is_not_run_for_the_look(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(here, "init", "-q")
    write(here, track=True)
    ran = here / "ran"
    program = here / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    git(here, "config", "core.fsmonitor", str(program))
    git(here, "config", "core.hooksPath", str(here))
    git(here, "config", "core.worktree", "/")
    subprocess.run(["git", "init", "-q", "--bare", here / "elsewhere"], check=True)
    monkeypatch.setenv("GIT_DIR", str(here / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(here / "none"))
    monkeypatch.setenv("GIT_EXEC_PATH", str(here))
    nothing_counts("git tracks it")
    assert not ran.exists()


def test_a_repository_that_cannot_be_read_leaves_it_open(here: Path) -> None:
    (here / ".git").write_text("gitdir: /nowhere\n")
    write(here)
    nothing_counts("git cannot read the repository")


def test_without_git_nobody_can_say(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(here, "init", "-q")
    write(here)
    monkeypatch.setenv("PATH", str(here))
    nothing_counts("is not installed")


@pytest.mark.parametrize(("mode", "counts"), [(0o600, True), (0o644, True), (0o646, False), (0o666, False)])
def test_one_that_others_may_write_does_not_count(here: Path, mode: int, counts: bool) -> None:
    write(here, "E2B_LEASE_S=7\n", mode=mode)
    assert (Settings().e2b_lease_s == 7.0) is counts
    assert ("others may write" in file_in_force().remark) is not counts


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_one_of_somebody_else_does_not_count(here: Path) -> None:
    os.chown(write(here), 65534, 65534)
    nothing_counts("belongs to somebody else")


def test_what_is_no_file_is_not_waited_for(here: Path) -> None:
    os.mkfifo(here / ".env", 0o600)
    nothing_counts("it is no file")


def test_a_virtual_environment_of_that_name_is_not_mentioned(here: Path) -> None:
    (here / ".env").mkdir()
    assert file_in_force().remark == ""


def test_an_endless_one_is_not_read(here: Path) -> None:
    write(here, "E2B_LEASE_S=7\n" + "#" * 100_000)
    nothing_counts("larger than 64 KiB")


@pytest.mark.parametrize(
    "key", ["GROQ_API_KEY", "LLM_API_KEY", "E2B_API_KEY", "PREFECT_API_KEY", "CHAOSLAB_GIT_TOKEN"]
)
def test_no_address_counts_while_a_key_comes_from_elsewhere(
    here: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    write(here, f"{HOSTILE}PREFECT_API_URL=http://127.0.0.1:4321/api\nE2B_LEASE_S=7\nGRAFANA_URL=http://a\n")
    monkeypatch.setenv(key, "own")
    settings, found = Settings(), file_in_force()
    assert set(found.values) == {"E2B_LEASE_S"}
    assert settings.e2b_lease_s == 7.0
    assert settings.groq_base_url is settings.grafana_url is settings.prefect_api_url is None
    assert f"while {key} comes from elsewhere" in found.remark
    for name in (
        "CHAOSLAB_CONTAINER_ENGINE",
        "CHAOSLAB_NOTICE_URL",
        "GROQ_BASE_URL",
        "LLM_BASE_URL",
        "PREFECT_API_URL",
    ):
        assert name in found.remark


def test_no_api_counts_while_a_profile_has_its_key(here: Path) -> None:
    profiles = Path.home() / ".prefect/profiles.toml"
    profiles.parent.mkdir(parents=True)
    profiles.write_text('[profiles.cloud]\nPREFECT_API_KEY = "pnu_own"\n')
    write(here, "PREFECT_API_URL=http://127.0.0.1:4321/api\nGRAFANA_URL=http://127.0.0.1:1\n")
    assert set(file_in_force().values) == {"GRAFANA_URL"}


@pytest.mark.parametrize(
    "line",
    [
        "CHAOSLAB_CONTAINER_ENGINE=./tools/engine",
        "CHAOSLAB_CONTAINER_ENGINE=python3",
        "CHAOSLAB_CONTAINER_ENGINE=/usr/bin/docker",
        "CHAOSLAB_STATE_DIR=state",
        "CHAOSLAB_RUNTIME_DIR=../outside",
        "CHAOSLAB_STATE_DIR={here}/state",
        "chaoslab_state_dir={here}/state",
    ],
)
def test_a_program_or_a_folder_of_the_checkout_never_counts(here: Path, line: str) -> None:
    write(here, line.format(here=here))
    assert file_in_force().values == {}
    assert line.partition("=")[0].upper() in file_in_force().remark


def test_a_folder_elsewhere_counts(here: Path, tmp_path: Path) -> None:
    write(here, f"CHAOSLAB_STATE_DIR={tmp_path}/state")
    assert Settings().state_folder == tmp_path / "state"


def test_no_variable_is_put_into_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    write(here, "CHAOSLAB_NOTICE_URL=http://127.0.0.1:1/${AWS_SECRET_ACCESS_KEY}\n")
    assert "planted" not in file_in_force().values["CHAOSLAB_NOTICE_URL"]


def test_the_environment_goes_first(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_MODEL", "mine")
    write(here, "GROQ_MODEL=theirs\n")
    assert Settings().groq_model == "mine"


def test_the_same_key_in_both_is_no_key_from_elsewhere(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(here, "GROQ_API_KEY=k\nGROQ_BASE_URL=http://127.0.0.1:1\n")
    monkeypatch.setenv("GROQ_API_KEY", "k")
    assert Settings().groq_base_url == "http://127.0.0.1:1"


def test_a_file_of_an_app_that_says_nothing_to_us_is_not_mentioned(here: Path) -> None:
    git(here, "init", "-q")
    write(here, "PORT=8000\nDEBUG=1\n", track=True)
    assert file_in_force().remark == ""


def test_a_file_that_was_named_counts_whole(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(here, "init", "-q")
    write(here, track=True)
    monkeypatch.setenv("GROQ_API_KEY", "own")
    monkeypatch.setenv("CHAOSLAB_ENV_FILE", str(here / ".env"))
    assert Settings().groq_base_url == "http://127.0.0.1:4321"
    assert Settings().chaoslab_container_engine == "./tools/engine"
    monkeypatch.setenv("CHAOSLAB_ENV_FILE", os.devnull)
    assert Settings().groq_base_url is None
    monkeypatch.setenv("CHAOSLAB_ENV_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(EnvFileError, match=r"nowhere: cannot be read: No such file"):
        Settings()


def test_every_variable_that_can_lead_somewhere_is_a_place() -> None:
    ends = ("_URL", "_ENGINE", "_IMAGE", "_DIR", "_REGISTRY", "_FORGE")
    leading = {name.upper() for name in Settings.model_fields if name.upper().endswith(ends)}
    leading |= {"CHAOSLAB_NOTICE_EMAIL_FROM", "CHAOSLAB_NOTICE_EMAIL_TO"}  # mail leads to people
    # Nor is a wall given up, or anything deleted, for a file's sake.
    leading |= {"CHAOSLAB_ALLOW_DEGRADED", "CHAOSLAB_HISTORY_KEEP"}
    # Nor is a page or a stranger let in, or more started for one.
    leading |= {"CHAOSLAB_CONSOLE_HOSTS", "CHAOSLAB_CONSOLE_ORIGINS", "CHAOSLAB_CONSOLE_ADHOC"}
    assert leading == _rules().places
    assert not _rules().places & _rules().keys


def test_what_a_command_puts_into_its_environment_itself_is_no_key_from_elsewhere(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(here, "GRAFANA_URL=http://127.0.0.1:1\n")
    assert heed() == ""
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ours")
    assert Settings().grafana_url == "http://127.0.0.1:1"


def test_who_wants_no_file_gets_none(here: Path) -> None:
    write(here, "GROQ_MODEL=theirs\n")
    assert Settings(_env_file=None).groq_model != "theirs"


def chaoslab(here: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    root = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    command = [sys.executable, "-P", "-m", "flows.main", *arguments]
    return subprocess.run(command, cwd=here, env=root, capture_output=True, text=True, check=False)


def test_a_command_says_once_what_it_does_not_obey(here: Path) -> None:
    git(here, "init", "-q")
    write(here, track=True)
    said = chaoslab(here, "schema", GROQ_API_KEY="own").stderr
    assert said.count("\n") == 1
    assert said.startswith(f"{here / '.env'} is not obeyed: git tracks it")


def test_a_file_that_was_named_is_the_environment_of_all_that_a_command_starts(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GROQ_MODEL", "OF_ANOTHER_PROGRAM"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("CHAOSLAB_ENV_FILE", ".env")
    write(here, "GROQ_MODEL=m\nOF_ANOTHER_PROGRAM=p\n", track=False)
    assert heed() == ""
    assert (os.environ["GROQ_MODEL"], os.environ["OF_ANOTHER_PROGRAM"]) == ("m", "p")
    assert os.environ["CHAOSLAB_ENV_FILE"] == os.devnull
    assert Settings().groq_model == "m"


def test_a_command_says_when_the_named_file_is_not_there(here: Path) -> None:
    ended = chaoslab(here, "schema", CHAOSLAB_ENV_FILE="nowhere")
    assert ended.returncode == 2
    assert ended.stderr == "CHAOSLAB_ENV_FILE: nowhere: cannot be read: No such file or directory\n"
