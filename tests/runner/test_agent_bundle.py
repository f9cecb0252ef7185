"""The archive that is sent into sandboxes: everything in it finds everything that it imports, without packages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chaos.runner import agent_bundle as bundle

EVERY = """
import importlib, sys, zipfile
sys.path.insert(0, sys.argv[1])
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.endswith(".py") and name != "__main__.py":
        importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
"""


@pytest.mark.parametrize("http2", [False, True])
def test_every_module_of_it_can_be_imported(tmp_path: Path, http2: bool) -> None:
    """What reads HTTP/2 is there with what it stands on, or not at all."""
    archive = tmp_path / "agent.pyz"
    archive.write_bytes(bundle.build(http2=http2))
    names = zipfile.ZipFile(archive).namelist()
    assert {"h2/connection.py" in names, "chaos/faults/http/streams.py" in names} == {http2}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", EVERY, str(archive)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
