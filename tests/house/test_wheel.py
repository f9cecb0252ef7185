"""The wheel has all of our packages and nothing else, and what is in it finds its data without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.house import golden
from tests.house.golden import ROOT
from tests.house.names import tracked

BROUGHT = {"chaos/_dashboards/": "dashboards/", "chaos/_shop/": "experiments/apps/shop/"}
"""What lies elsewhere in the checkout."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built and unpacked elsewhere."""
    folder = tmp_path_factory.mktemp("wheel")
    [built] = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    zipfile.ZipFile(built).extractall(folder / "packages")
    return folder / "packages"


def ours(unpacked: Path, folder: Path, *arguments: str, code: int = 0) -> str:
    """Run what is in the wheel, in an empty folder: not a file of the checkout can be found from there."""
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import chaos, flows.main as main;"
        "assert chaos.__file__.startswith(sys.path[0]), chaos.__file__; main.main()"
    )
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment["CHAOSLAB_STATE_DIR"] = str(folder / "state")
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(unpacked), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == code, done
    return done.stdout


def test_it_has_every_file_of_our_packages_and_no_other() -> None:
    """By what is in them, not by their names: those may change."""
    there = {name for name in golden.wheel() if not name.startswith(tuple(BROUGHT))}
    assert there == {name for name in tracked() if name.startswith(("chaos/", "flows/"))}


@pytest.mark.parametrize(("inside", "source"), BROUGHT.items())
def test_it_brings_dashboards_and_the_demo_shop(inside: str, source: str) -> None:
    brought = {name.removeprefix(inside) for name in golden.wheel() if name.startswith(inside)}
    assert brought == {name.removeprefix(source) for name in tracked() if name.startswith(source)}


def test_verdict_words_and_report_are_made_of_it(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "journal.ndjson").write_bytes((ROOT / golden.JOURNALS / "deviated_slow.ndjson").read_bytes())
    said = ours(unpacked, tmp_path, "analyze", "journal.ndjson", code=1)
    assert "DEVIATED" in said


def test_a_repository_begins_with_it(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/web.py").write_text("")
    app = ("--app", "app", "--command", "python3 web.py", "--port", "8000", "--ci", "github")
    ours(unpacked, tmp_path, "init", "lab", *app)
    assert (tmp_path / "lab/.github/workflows/chaoslab.yaml").is_file()


def test_dashboards_are_drawn_with_its_templates(unpacked: Path, tmp_path: Path) -> None:
    said = ours(unpacked, tmp_path, "dashboard", "lint")
    assert said == f"{len(list((ROOT / 'dashboards').glob('*.json.j2')))} file(s), no problem\n"


def test_the_demo_shop_is_found_in_it(unpacked: Path) -> None:
    program = (
        "from chaos.manifests.ad_hoc import Wish, written;print(written(Wish(scenario='process_kill')).app)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(unpacked)!r}); {program}"],
        cwd=unpacked, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{unpacked / 'chaos/_shop'}\n"
