"""Runs in a guest: the image of the container tests, from the guest's own programs, into an engine.

python -m tests.machines.engine_image ENGINE NAME
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.sandboxes.containers import fill

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(engine: str, name: str) -> None:
    """Make it."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "image.tar")
        with tarfile.open(archive, "w") as tar:
            fill(tar)
        subprocess.run([engine, "import", "--change", f"ENV PATH={PATH}", str(archive), name], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
