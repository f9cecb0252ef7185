"""Names of our modules, and paths of our files, wherever they are written: in pages, settings, scripts, code."""

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOTTED = re.compile(r"(?<![\w./@-])(?:chaos|flows|bench|tests)(?:\.[A-Za-z_]\w*)+(?::[A-Za-z_]\w*)?(?![\w{])")
"""`chaos.errors`, `flows.worker.admission:FLOWS`. What a program puts together is looked at up to there."""
PATH = re.compile(r"(?<![\w./@<{-])(?:chaos|flows|bench|tests|scripts|stack)/[\w/*.{},-]*[\w*}/]")
"""`chaos/{errors,units}.py`, `scripts/setup`."""
_HOLE = re.compile(r"\{\w+\}")
"""`{name}` in a format string: something."""
NOT_OURS = frozenset(
    {
        "bench.NAME", "bench.md", "chaos.example.com", "chaos.json", "chaos.log", "chaos.faults.mark",
        "chaos/README.md", "chaos/_dashboards", "chaos/_shop", "scripts/kconfig/merge_config.sh", "stack/.env",
    }
)  # fmt: skip
"""What only looks like it: other tools' files, files of the wheel, what is written when a program runs."""
_BRACES = re.compile(r"^(.*)\{(.*)\}(.*)$")
HISTORY = ("CHANGELOG.md",)
"""What says how it was."""
_TEXTS = (".md", ".toml", ".yaml", ".yml", ".py", ".c", ".j2", ".txt", ".example")


@dataclass(frozen=True)
class Written:
    """A name, and the line where it is written."""

    name: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name}"


@functools.cache
def tracked() -> frozenset[str]:
    """Every file of this checkout, from its top: what git has, and what it would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return frozenset(name for name in listed.split("\0") if (ROOT / name).is_file())


@functools.cache
def _folders() -> frozenset[str]:
    return frozenset(str(folder) for name in tracked() for folder in Path(name).parents)


def written(pattern: re.Pattern[str], *, code: bool) -> Iterator[Written]:
    """Every name of that form: in Python files, or in all others that people or programs read."""
    for file in sorted(tracked()):
        if file in HISTORY or file.endswith(".py") != code or not _is_text(file):
            continue
        for number, line in enumerate((ROOT / file).read_text("utf-8").splitlines(), 1):
            found = (each[0].rstrip("/") for each in pattern.finditer(line))
            yield from (Written(name, file, number) for name in found if name not in NOT_OURS)


def _is_text(file: str) -> bool:
    return file.endswith(_TEXTS) or "." not in Path(file).name or file.startswith(".ci/")


def names_a_module(name: str) -> bool:
    """Whether it is a module, or something that one defines, to any depth of classes."""
    words = name.replace(":", ".").split(".")
    if words[0] == "tests" and _source("/".join(words[:2])) is None:
        return True  # a variable of that name
    for length in range(len(words), 0, -1):
        if (file := _source("/".join(words[:length]))) is not None:
            return length == len(words) or _defines(file, words[length])
    return False


def _source(path: str) -> str | None:
    """The file of a module; of a package without an own file, its folder."""
    for file in (f"{path}.py", f"{path}/__init__.py"):
        if file in tracked():
            return file
    return path if path in _folders() else None


@functools.cache
def _defines(file: str, name: str) -> bool:
    """Whether a module has it: by a definition, an assignment, an import, or by an attribute that every one has."""
    if name.startswith("__"):
        return True
    if not file.endswith(".py"):
        return False
    text = (ROOT / file).read_text("utf-8")
    if name in _top_level(file):
        return True
    # A package that imports its parts when somebody asks for them names them in its `__getattr__`.
    return "def __getattr__" in text and re.search(rf'"{name}"', text) is not None


@functools.cache
def _top_level(file: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.update((each.asname or each.name).partition(".")[0] for each in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def is_there(path: str) -> bool:
    """Whether it is a file, a module or a folder of the checkout; with `*` some is, with `{a,b}` each of them."""
    path = _HOLE.sub("*", path)
    if path.count("{") != path.count("}"):
        path = path.strip("{}").partition("{")[0]
    if braces := _BRACES.match(path):
        return all(is_there(f"{braces[1]}{each}{braces[3]}") for each in braces[2].split(","))
    if "*" in path:
        return any(Path(one).match(path) for one in tracked() | _folders())
    ways = (
        path.rstrip("/"),
        f"{path}.py",
        f"tests/{path}".rstrip("/"),
    )  # tests may name each other from where they are
    return any(way in tracked() or way in _folders() for way in ways)
