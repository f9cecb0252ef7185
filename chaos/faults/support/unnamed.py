"""A file without a name: nobody trips over it, and its space is free again when its last holder ends, however."""

import errno
import os
from pathlib import Path


def unnamed_file(folder: str, flags: int = 0) -> int:
    """A descriptor to read and write: by O_TMPFILE, else of a file that loses its name at once. Raises OSError."""
    flags |= os.O_RDWR | os.O_CLOEXEC
    try:
        return os.open(folder, os.O_TMPFILE | flags, 0o600)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
    name = Path(folder, f".chaoslab-unnamed-{os.urandom(8).hex()}")
    descriptor = os.open(name, os.O_CREAT | os.O_EXCL | flags, 0o600)
    name.unlink()
    return descriptor
