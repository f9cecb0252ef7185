"""Zip the agent, faults and probes into one file that any Python 3.11+ without packages can run.

What reads HTTP/2 goes in where a fault asks for that: h2 and what it stands on, pure Python, 0.4 MB.

Sources are read as data. Each goes in with its compiled form (PEP 552, unchecked hash), which saves the sandbox a tenth
of a second of compiling; a Python of another version ignores that and compiles the source.
"""

import functools
import importlib.util
import io
import marshal
import struct
import zipfile
from collections.abc import Iterable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path

from chaos.errors import TargetError
from chaos.run_spec.parts import StepSpec

_PACKAGE = Path(__file__).parents[1]
_SHIPPED = (
    "__init__.py", "text", "errors.py", "events", "units.py", "tolerances.py", "statistics",
    "invariants.py", "faults", "probes", "run_spec", "agent", "namespaces/__init__.py", "namespaces/kernel.py",
)  # fmt: skip
_SUFFIXES = (".py", ".tsv", ".txt")
_MAIN = "from chaos.agent.main import main\n\nmain()\n"
_UNCHECKED_HASH = 0b01


_HTTP2 = ("h2", "hpack", "hyperframe")
_BY_HTTP2 = frozenset({"faults/http/streams.py", "faults/http/own_streams.py"})
"""What imports those."""


def needs_http2(method: Iterable[StepSpec]) -> bool:
    """Whether a fault of these steps reads HTTP/2."""
    return any(step.fault.fields.get("protocol") == "http2" for step in method)


@functools.cache
def build(*, http2: bool = False) -> bytes:
    """The bytes of agent.pyz. Raises TargetError when it is to have what is not installed here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(_entry("__main__.py"), _MAIN)
        for path, name in [*_sources(), *_libraries()] if http2 else _plain():
            archive.writestr(_entry(name), path.read_bytes())
            if path.suffix == ".py":
                archive.writestr(_entry(name + "c"), _compiled(path, name))
    return buffer.getvalue()


def _plain() -> Iterator[tuple[Path, str]]:
    return ((path, name) for path, name in _sources() if name.removeprefix("chaos/") not in _BY_HTTP2)


def _sources() -> Iterator[tuple[Path, str]]:
    """Each file, and what it is called there."""
    roots = [_PACKAGE / name for name in _SHIPPED]
    found = (path for root in roots for path in ([root] if root.is_file() else root.rglob("*")))
    for path in sorted(path for path in found if path.suffix in _SUFFIXES):
        yield path, str(path.relative_to(_PACKAGE.parent))


def _libraries() -> Iterator[tuple[Path, str]]:
    """The same of what reads HTTP/2."""
    for name in _HTTP2:
        found = importlib.util.find_spec(name)
        if found is None or not found.submodule_search_locations:
            raise TargetError(
                f"protocol http2 needs the Python package {name} beside ChaosLab: pip install h2"
            )
        package = Path(found.submodule_search_locations[0])
        for path in sorted(package.rglob("*.py")):
            yield path, str(path.relative_to(package.parent))


def _entry(name: str) -> zipfile.ZipInfo:
    """A fixed date, so that the same sources give the same bytes."""
    return zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))


def _compiled(path: Path, name: str) -> bytes:
    module = name.removesuffix(".py").replace("/", ".")
    code = SourceFileLoader(module, str(path)).get_code(module)
    header = importlib.util.MAGIC_NUMBER + struct.pack("<I", _UNCHECKED_HASH)
    return header + importlib.util.source_hash(path.read_bytes()) + marshal.dumps(code)
