"""The image of the container tests, made on the host, for the engines of a guest."""

import shutil
import tarfile
from pathlib import Path

from tests.sandboxes.containers import fill

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def put(cache: Path, guest: Path) -> None:
    """Into the folder that it shares; the archive is made once."""
    archive = cache / "engine-image.tar"
    if not archive.exists():
        with tarfile.open(part := archive.with_suffix(".part"), "w") as tar:
            fill(tar)
        part.replace(archive)
    shutil.copy(archive, guest / "shared" / archive.name)


def importing(engine: str, name: str) -> list[str]:
    """The command, in a guest, that makes an image of it."""
    return [engine, "import", "--change", f"ENV PATH={_PATH}", "/shared/engine-image.tar", name]
