"""Compile preload.c for this machine's architecture into a module that the agent carries: needs cc.

    python -m chaos.faults.clock.build

What it writes is committed, so that neither a user nor a sandbox needs a compiler.
"""

import base64
import platform
import subprocess
import tempfile
import textwrap
import zlib
from pathlib import Path

HERE = Path(__file__).parent
COMMAND = (
    "cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-nonnull-compare", "-fno-delete-null-pointer-checks",
    "-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-Wl,--hash-style=both,-z,noseparate-code,--build-id=none,-s,-soname,chaoslab-clock.so",
)  # fmt: skip


def compiled() -> bytes:
    """The library. Raises OSError or CalledProcessError where it cannot be compiled."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "clock.so")
        subprocess.run([*COMMAND, "-o", str(made), str(HERE / "preload.c")], check=True)
        return made.read_bytes()


def module(library: bytes, machine: str) -> str:
    """The text of the module that holds it."""
    packed = base64.b85encode(zlib.compress(library, 9)).decode()
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(packed, 100))
    about = f'"""preload.c compiled for {machine}, by `python -m chaos.faults.clock.build`; do not edit."""'
    return f"{about}\n\nPACKED = (\n{lines}\n)\n"


if __name__ == "__main__":
    here = platform.machine()
    target = HERE / f"preload_{here}.py"
    target.write_text(module(compiled(), here))
    print(target)
