"""`scripts/tests` itself, on folders of throw-away tests: what fails once is told, what fails twice is a failure."""

import os
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SETTINGS = """
[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "--strict-markers --strict-config -ra"
markers = ["alone: needs every core", "paired: mostly waits"]
"""
ONCE = """
    from pathlib import Path

    def test_the_second_time():
        seen = Path(__file__).with_suffix(".seen")
        before = seen.exists()
        seen.touch()
        assert before
"""
GOOD = "def test_good(): pass"
BAD = "def test_bad(): assert not 'good'"
LIAR = "import os\ndef test_that_ends_python(): os._exit(0)"
UNREADABLE = "import nothing_of_that_name"
ALONE = "test_alone.py"
MARKED = "import pytest\npytestmark = pytest.mark.alone\n"
SHARING = "test_sharing.py"
QUICK = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"}
FEW = ("-n", "1")
"""What is said last counts: fewer workers start faster."""


def suite(folder: Path, *options: str, **files: str) -> subprocess.CompletedProcess[str]:
    """Run the script on these files below `tests`, `alone` and `sharing`, with the conftest that this suite has."""
    (folder / "tests").mkdir(parents=True)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "pyproject.toml").write_text(SETTINGS)
    shutil.copy(ROOT / "tests/conftest.py", folder / "tests")
    for kind, text in files.items():
        (folder / "tests" / {"alone": ALONE, "sharing": SHARING}[kind]).write_text(
            (MARKED if kind == "alone" else "") + textwrap.dedent(text)
        )
    command = ["sh", str(ROOT / "scripts/tests"), *options]
    return subprocess.run(
        command, cwd=folder, env=os.environ | QUICK, capture_output=True, text=True, check=False, timeout=120
    )


def test_what_passes_at_the_second_try_is_named(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, sharing=ONCE, alone=ONCE)

    assert done.returncode == 0, done.stdout
    _, _, named = done.stdout.partition("passed, but not at once")
    assert f"tests/{SHARING}::test_the_second_time" in named
    assert f"tests/{ALONE}::test_the_second_time" in named
    assert "assert before" in done.stdout, "why it failed stays on the screen"


def test_what_passes_at_once_is_run_once(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, sharing=GOOD, alone=GOOD)

    assert done.returncode == 0, done.stdout
    assert "once" not in done.stdout
    assert done.stdout.count("1 passed") == 2


def test_what_fails_twice_is_a_failure(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, sharing=GOOD, alone=f"{BAD}\n{GOOD}")

    assert done.returncode == 1, done.stdout
    assert "== once more" in done.stdout
    assert "not at once" not in done.stdout


@pytest.mark.parametrize("where", ["sharing", "alone"])
def test_an_interpreter_that_ends_is_a_failure_without_a_second_try(tmp_path: Path, where: str) -> None:
    done = suite(tmp_path, *FEW, **{where: LIAR})

    assert done.returncode == 3, done.stdout
    assert "once more" not in done.stdout


def test_a_file_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, sharing=UNREADABLE, alone=GOOD)

    assert done.returncode not in (0, 5), done.stdout
    assert "ModuleNotFoundError" in done.stdout


def test_unknown_options_are_a_failure(tmp_path: Path) -> None:
    assert suite(tmp_path, "--no-such-option", sharing=GOOD, alone=GOOD).returncode == 4


def test_options_that_leave_no_test_are_a_failure(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, "-k", "nobody", sharing=GOOD, alone=GOOD)

    assert done.returncode == 5
    assert "no test ran" in done.stdout


def test_a_part_without_tests_is_a_failure_when_all_are_meant(tmp_path: Path) -> None:
    assert suite(tmp_path, sharing=GOOD).returncode == 5


def test_options_may_leave_one_part_empty(tmp_path: Path) -> None:
    done = suite(tmp_path, *FEW, f"tests/{SHARING}", sharing=GOOD, alone=GOOD)

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("1 passed") == 1
