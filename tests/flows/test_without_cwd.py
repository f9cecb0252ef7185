"""What lies in the current directory decides nothing: neither Prefect's settings nor what Python imports."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:4321/api"
LOOK = """
import json, os, sys
first, *folders = sys.argv[2:]
os.chdir(first)
if sys.argv[1] == "ours":
    import flows
from prefect.settings import Settings, get_current_settings
def seen(settings):
    return [settings.api.url, str(settings.profiles_path), str(settings.logging.config_path), settings.plugins.enabled,
            str(settings.home)]
found = [seen(get_current_settings())]
for folder in folders:
    os.chdir(folder)
    found.append(seen(Settings()))
print(json.dumps(found))
"""
TOML = f"""
profiles_path = "mine.toml"
home = "mine"
[{{0}}api]
url = "{URL}"
[{{0}}logging]
config_path = "mine.yml"
[{{0}}plugins]
enabled = true
"""
HOSTILE = {
    ".env": f"PREFECT_API_URL={URL}\nPREFECT_PROFILES_PATH=mine.toml\nPREFECT_LOGGING_SETTINGS_PATH=mine.yml\n"
    "PREFECT_LOGGING_CONFIG_PATH=mine.yml\nPREFECT_PLUGINS_ENABLED=true\nPREFECT_HOME=mine\n",
    "prefect.toml": TOML.format(""),
    "pyproject.toml": "[tool.prefect]\n" + TOML.format("tool.prefect."),
}
PLANTED = ("prefect.py", "yaml.py", "click.py", "chaos/__init__.py", "flows/__init__.py", "sitecustomize.py")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Directories with one of the files each, with all of them, and with some that cannot be read."""
    made = []
    for names in (list(HOSTILE), *([name] for name in HOSTILE)):
        folder = tmp_path_factory.mktemp("hostile")
        for name in names:
            (folder / name).write_text(HOSTILE[name])
        (folder / "mine.toml").write_text(f'active = "m"\n[profiles.m]\nPREFECT_API_URL = "{URL}"\n')
        made.append(folder)
    broken = tmp_path_factory.mktemp("broken")
    (broken / "prefect.toml").write_bytes(b"[api\xff")
    (broken / "pyproject.toml").write_text("[tool.prefect")
    os.mkfifo(broken / ".env")
    return [*made, broken]


def settings(whose: str, folders: list[Path], home: Path) -> list[list[object]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    command = [sys.executable, "-P", "-c", LOOK, whose, *map(str, folders)]
    more = {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, env=kept | more, capture_output=True, text=True, check=False, cwd=home, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: list[list[object]] = json.loads(done.stdout)
    return found


def test_no_file_of_the_current_directory_is_a_setting(folders: list[Path], tmp_path: Path) -> None:
    *found, calm = settings("ours", [*folders, tmp_path], tmp_path)
    assert calm[0] is None
    assert found == [calm] * len(folders)


def test_prefect_by_itself_would_take_them(folders: list[Path], tmp_path: Path) -> None:
    """Or the test above would prove nothing."""
    for url, _, logging, plugins, _ in settings("prefect's", folders[:4], tmp_path):
        assert (url, logging, plugins) == (URL, "mine.yml", True)


def test_the_user_s_own_profile_counts(folders: list[Path], tmp_path: Path) -> None:
    own = tmp_path / ".prefect/profiles.toml"
    own.parent.mkdir()
    own.write_text('active = "own"\n[profiles.own]\nPREFECT_API_URL = "http://127.0.0.1:1/api"\n')
    found = settings("ours", folders[:2], tmp_path)
    assert {str(each[0]) for each in found} == {"http://127.0.0.1:1/api"}
    assert {str(each[1]) for each in found} == {str(own)}


@pytest.mark.parametrize("arguments", [["schema"], ["status"]])
def test_nothing_that_lies_there_is_imported(tmp_path: Path, arguments: list[str]) -> None:
    ran = tmp_path / "ran"
    for name in PLANTED:
        file = tmp_path / "checkout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"open({str(ran)!r}, 'a').write({name!r})\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    more = {"CHAOSLAB_STATE_DIR": str(tmp_path / "state"), "HOME": str(tmp_path)}
    program = [str(Path(sys.executable).with_name("chaoslab")), *arguments]
    done = subprocess.run(
        program, cwd=tmp_path / "checkout", env=kept | more, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert not ran.exists()


def modules_run(tree: ast.AST) -> Iterator[ast.List]:
    """Every command line in it that is `python -m`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List) and any(
            isinstance(each, ast.Constant) and each.value == "-m" for each in node.elts
        ):
            yield node


def test_no_module_is_started_with_the_current_directory_among_its_places() -> None:
    found = [
        (file, command)
        for package in ("chaos", "flows")
        for file in (ROOT / package).rglob("*.py")
        for command in modules_run(ast.parse(file.read_text()))
        if "sys.executable" in ast.unparse(command)
    ]
    assert len(found) >= 3
    for file, command in found:
        assert {"'-P'", "'-I'"} & set(map(ast.unparse, command.elts)), f"{file}:{command.lineno}"
