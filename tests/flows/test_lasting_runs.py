"""A run's process outlives whoever reads what it logs."""

import os
import subprocess
import sys
from pathlib import Path

from tests.lab import ROOT

LOGS = """
import os, sys
import flows
from rich.console import Console  # what Prefect's handler of logs writes to

log = Console(stderr=True)
sys.stdin.readline()  # whoever read its log is gone now
for number in range(3):
    log.print("line", number)
print("to nobody, too", flush=True)
os.write(2, b"nor here")
with open(sys.argv[1], "w") as file:
    file.write("went on")
"""


def test_a_log_without_a_reader_ends_no_run(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    said = tmp_path / "said"
    child = subprocess.Popen(
        [sys.executable, "-c", LOGS, str(said)],
        stdin=subprocess.PIPE,
        stdout=writing,
        stderr=writing,
        cwd=ROOT,
    )
    os.close(writing)
    os.close(reading)
    with child:
        child.communicate(b"\n", timeout=120)
    assert (child.returncode, said.read_text()) == (0, "went on")
