"""The built pages of the console beside their sources: `flows/console/static/.inputs` is the digest of what they were
built from. `--write` notes it after a build; `--check` says whether the pages are stale, without Node."""

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES, BUILT = ROOT / "frontend", ROOT / "flows/console/static"
NOTE = BUILT / ".inputs"
_PARTS = ("src/**/*", "public/*", "scripts/*", "index.html", "*.json", "vite.config.ts", ".npmrc")


def digest() -> str:
    """SHA-256 over names and bytes of everything that a build reads."""
    found = {file for part in _PARTS for file in SOURCES.glob(part) if file.is_file()}
    said = hashlib.sha256()
    for file in sorted(found, key=lambda each: each.relative_to(SOURCES).as_posix()):
        content = file.read_bytes()
        said.update(f"{file.relative_to(SOURCES).as_posix()}\0{len(content)}\0".encode() + content)
    return said.hexdigest()


def main(arguments: list[str]) -> int:
    """See the module."""
    if arguments == ["--write"]:
        NOTE.write_text(digest() + "\n")
        return 0
    if arguments != ["--check"]:
        sys.stderr.write("frontend.py: --write or --check\n")
        return 2
    if NOTE.is_file() and NOTE.read_text().strip() == digest():
        return 0
    sys.stderr.write(
        "flows/console/static is not built from frontend/ as it is: make frontend (needs Node 20.19)\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
