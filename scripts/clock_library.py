"""Compile preload.c into a module that the agent carries, for this machine or another: needs a C compiler.

    python scripts/clock_library.py [MACHINE ...]

Another machine's compiler is `MACHINE-linux-gnu-gcc` (Debian: gcc-aarch64-linux-gnu, with libc6-dev-arm64-cross).
What it writes is committed, so that neither a user nor a sandbox needs a compiler.
"""

import base64
import platform
import subprocess
import sys
import tempfile
import textwrap
import zlib
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "chaos/faults/clock"
_OPTIONS = (
    "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-nonnull-compare", "-fno-delete-null-pointer-checks",
    "-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-Wl,--hash-style=both,-z,noseparate-code,--build-id=none,-s,-soname,chaoslab-clock.so,-z,defs",
)  # fmt: skip
_OF_MACHINE = {"aarch64": ("-mno-outline-atomics",)}
"""Atomics there are calls into libgcc by default, which is not linked to."""


def compiled(machine: str) -> bytes:
    """The library for that machine. Raises OSError or CalledProcessError where it cannot be compiled."""
    compiler = "cc" if machine == platform.machine() else f"{machine}-linux-gnu-gcc"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "clock.so")
        options = (*_OPTIONS, *_OF_MACHINE.get(machine, ()))
        subprocess.run([compiler, *options, "-o", str(made), str(FOLDER / "preload.c")], check=True)
        return made.read_bytes()


def module(library: bytes, machine: str) -> str:
    """The text of the module that holds it."""
    packed = base64.b85encode(zlib.compress(library, 9)).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(packed, 100))
    about = f'"""preload.c compiled for {machine}, by `python scripts/clock_library.py`; do not edit."""'
    return f"{about}\n\nPACKED = (\n{lines}\n)\n"


if __name__ == "__main__":
    for wanted in sys.argv[1:] or [platform.machine()]:
        target = FOLDER / f"preload_{wanted}.py"
        target.write_text(module(compiled(wanted), wanted))
        print(target)
