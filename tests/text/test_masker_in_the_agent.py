"""The agent masks by the whole list: its zip has the tables beside the code."""

import subprocess
import sys
from pathlib import Path

from chaos.runner import agent_bundle

LINES = ("cloned with glpat-AAAAbbbbCCCC1234dddd", "mysql -u root -phunter2 shop", "the password is hunter2")
PROGRAM = "import sys; from chaos.text.masker import Masker; [print(Masker()(each)) for each in sys.argv[1:]]"


def test_a_zip_of_the_agent_finds_what_we_find(tmp_path: Path) -> None:
    (tmp_path / "agent.pyz").write_bytes(agent_bundle.build())
    command = [sys.executable, "-S", "-c", PROGRAM, *LINES]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env={"PYTHONPATH": "agent.pyz"}
    )
    assert done.stdout.splitlines() == [
        "cloned with [masked]",
        "mysql -u root -p[masked] shop",
        "the password is [masked]",
    ]
