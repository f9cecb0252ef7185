"""Zip the agent, faults and probes into one file that any Python 3.11+ without packages can run.

Sources are read as data. Each goes in with its compiled form (PEP 552, unchecked hash), which saves the sandbox a tenth
of a second of compiling; a Python of another version ignores that and compiles the source.
"""

import functools
import importlib.util
import io
import marshal
import struct
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_SHIPPED = (
    "__init__.py", "text", "errors.py", "events", "units.py", "tolerances.py", "statistics",
    "invariants.py", "faults", "probes", "run_spec", "agent", "namespaces/__init__.py", "namespaces/kernel.py",
)  # fmt: skip
_MAIN = "from chaos.agent.main import main\n\nmain()\n"
_UNCHECKED_HASH = 0b01


@functools.cache
def build() -> bytes:
    """The bytes of agent.pyz."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_entry("__main__.py"), _MAIN)
        for path in _sources():
            name = str(path.relative_to(_PACKAGE.parent))
            archive.writestr(_entry(name), path.read_bytes())
            archive.writestr(_entry(name + "c"), _compiled(path, name))
    return buffer.getvalue()


def _sources() -> list[Path]:
    roots = [_PACKAGE / name for name in _SHIPPED]
    return sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py")))


def _entry(name: str) -> zipfile.ZipInfo:
    """A fixed date, so that the same sources give the same bytes."""
    return zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))


def _compiled(path: Path, name: str) -> bytes:
    module = name.removesuffix(".py").replace("/", ".")
    code = SourceFileLoader(module, str(path)).get_code(module)
    header = importlib.util.MAGIC_NUMBER + struct.pack("<I", _UNCHECKED_HASH)
    return header + importlib.util.source_hash(path.read_bytes()) + marshal.dumps(code)
