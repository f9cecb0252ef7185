"""The examples of docs/python.md, run one after the other as a reader would."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import api
from chaos.errors import ChaosLabError, ManifestError

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/python.md").read_text()
_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
_CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def written(folder: Path) -> Path:
    """The files that the page shows."""
    for name, text in _FILE.findall(PAGE):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_examples_run_and_say_what_the_page_says(tmp_path: Path) -> None:
    code = "\n".join(_CODE.findall(PAGE))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=written(tmp_path),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["['quick']", "quick 4.0"]
    assert any("unknown 'process_kil'" in line for line in lines)
    assert any(line.startswith("completed held “answers” held under “sudden death”") for line in lines)
    assert any(line.startswith("aborted") and "seen enough" in line for line in lines)
    assert "True" in lines
    assert lines[-1].endswith("/report.html")


def test_what_is_meant_must_be_said(tmp_path: Path) -> None:
    manifest = written(tmp_path) / "quick.yaml"
    other = tmp_path / "other.yaml"
    other.write_text(manifest.read_text().replace("name: quick", "name: other"))
    both = api.load(manifest, other)
    with pytest.raises(ManifestError, match="say which experiment by its name; there are: quick, other"):
        api.plan(both)
    assert api.plan(both, "other").name == "other"
    assert both["quick"].file == str(manifest)
    for ask in (lambda: both["none"], lambda: api.plan(both, "none"), lambda: api.plan_day(both)):
        with pytest.raises(ManifestError):
            ask()
    with pytest.raises(ManifestError, match="cannot be read"):
        api.load(tmp_path / "nowhere.yaml")
    with pytest.raises(ChaosLabError, match=r"journal.ndjson: "):
        api.judge(manifest.parent)


def test_importing_it_costs_nothing() -> None:
    heavy = {"pydantic", "yaml", "httpx", "prefect", "sqlalchemy"}
    code = f"import sys; from chaos import api; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
