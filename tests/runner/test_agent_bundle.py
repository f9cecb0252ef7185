"""The archive that is sent into sandboxes: everything in it finds everything that it imports, without packages."""

import subprocess
import sys
from pathlib import Path

from chaos.runner import agent_bundle as bundle

EVERY = """
import importlib, sys, zipfile
sys.path.insert(0, sys.argv[1])
for name in zipfile.ZipFile(sys.argv[1]).namelist():
    if name.endswith(".py") and name != "__main__.py":
        importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
"""


def test_every_module_of_it_can_be_imported(tmp_path: Path) -> None:
    archive = tmp_path / "agent.pyz"
    archive.write_bytes(bundle.build())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", EVERY, str(archive)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
