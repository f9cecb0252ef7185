"""A thousand files are validated in one process, imports and all, while a person waits."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.manifests.a_repository import FULL, a_repository

pytestmark = pytest.mark.alone

# Measured on 2 shared cores, Python 3.11: 1.4 s in all, 0.3 s of it imports. The bound is what is promised.
PROMISED_S = 3.0
SLOWER_MACHINE = 3

_PROGRAM = """
import sys
from chaos.manifests.yaml.files import find
from chaos.manifests.load import load_all
loaded, wrong = load_all(find([sys.argv[1]]))
print(len(loaded), len(wrong))
"""


def test_a_thousand_files_are_validated_within_seconds(tmp_path: Path) -> None:
    folder = a_repository(tmp_path)
    for number in range(1000):
        text = FULL.replace("name: shop-network-delay", f"name: shop-{number}")
        (folder / f"{number}.yaml").write_text(text)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    took = time.monotonic() - began
    assert done.stdout.split() == ["1000", "0"]
    assert took < PROMISED_S * SLOWER_MACHINE
