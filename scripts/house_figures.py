"""Figures of the house: rooms, arrows, circles, chains, sizes, names; of this checkout, and of others beside it.

`python scripts/house_figures.py NAME=FOLDER …` prints one table. A commit's folder is made by
`git archive COMMIT chaos flows | tar -x -C FOLDER`.

room               what stands directly in `chaos` or `flows`: a package, or a loose module
floors             rooms on the longest way down, circles of rooms counted as one
arrow              one room imports from another, at whatever place in a file (not for types alone)
in circles         arrows between rooms that reach each other, so that one of them goes up
circle             modules that import each other, also within functions
chain              modules on the longest way of imports at the top of files
string-keyed reads `x["key"]` and `x.get("key")` with a written key
used for two       names of classes that are defined in more than one module
"""

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import median

Graph = Mapping[str, set[str]]


@dataclass
class House:
    """What was counted."""

    modules: dict[str, Path] = field(default_factory=dict)
    top: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    every: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    counts: Counter[str] = field(default_factory=Counter)
    files: list[int] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)


def measured(root: Path) -> House:
    """Of the checkout in that folder."""
    house = House()
    for path in sorted([*root.glob("chaos/**/*.py"), *root.glob("flows/**/*.py")]):
        parts = path.relative_to(root).with_suffix("").parts
        house.modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    for name, path in house.modules.items():
        text = path.read_text()
        house.files.append(text.count("\n"))
        _read(house, name, ast.parse(text), path.name == "__init__.py")
    return house


def _read(house: House, name: str, tree: ast.Module, package: bool) -> None:
    for node, inside, for_types in _walk(tree, False, False):
        if isinstance(node, ast.Import | ast.ImportFrom):
            house.counts["function-local imports"] += inside
            found = set() if for_types else set(_imported(house, name, node, package)) - {name}
            house.every[name] |= found
            house.top[name] |= set() if inside else found
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            house.functions.append((node.end_lineno or node.lineno) - node.lineno + 1)
        elif isinstance(node, ast.ClassDef):
            house.classes[node.name] += not node.name.startswith("_")
        elif isinstance(node, ast.Name) and node.id == "Any":
            house.counts["Any"] += 1
        elif _string_read(node):
            house.counts["string-keyed reads"] += 1


def _walk(node: ast.AST, inside: bool, for_types: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    for child in ast.iter_child_nodes(node):
        typed = for_types or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
        yield child, inside, for_types
        yield from _walk(
            child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda), typed
        )


def _string_read(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load) and _is_text(node.slice)
    called = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get"
    return called and bool(node.args) and _is_text(node.args[0])


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _imported(house: House, name: str, node: ast.Import | ast.ImportFrom, package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [each.name for each in node.names]
    else:
        names = [f"{node.module}.{each.name}" for each in node.names] if not node.level else []
    for each in names:
        found = each
        while found and found not in house.modules:
            found = found.rpartition(".")[0]
        if found:
            yield found


def room_of(module: str) -> str:
    """`chaos.runner` of `chaos.runner.stages`."""
    return ".".join(module.split(".")[:2])


def circles(graph: Graph) -> list[set[str]]:
    """Tarjan's: sets of nodes that reach each other, more than one in each."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph.get(node, ()):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            found.append(set(stack[at:]))
            del stack[at:]

    for node in list(graph):
        if node not in index:
            visit(node)
    return [each for each in found if len(each) > 1]


def longest(graph: Graph) -> int:
    """Nodes on the longest way, each circle as one."""
    together = {node: min(each) for each in circles(graph) for node in each}

    @cache
    def depth(node: str) -> int:
        own = [each for each in graph if together.get(each, each) == node]
        below = {together.get(other, other) for each in own for other in graph.get(each, ())} - {node}
        return 1 + max(map(depth, below), default=0)

    return max(depth(together.get(node, node)) for node in graph)


def figures(house: House) -> dict[str, str]:
    """Name -> figure."""
    rooms: dict[str, set[str]] = {room_of(name): set() for name in house.modules if "." in name}
    for name, others in house.every.items():
        for other in others:
            if "." in name and "." in other and room_of(name) != room_of(other):
                rooms[room_of(name)].add(room_of(other))
    round_ = circles(rooms)
    sizes, functions = house.files, house.functions
    return {
        "modules": f"{len(house.modules)}",
        "lines": f"{sum(sizes):,}",
        "rooms": f"{len(rooms)}",
        "loose modules in `chaos/`, `flows/`": f"{_loose(house, 'chaos')}, {_loose(house, 'flows')}",
        "floors": f"{longest(rooms)}",
        "arrows": f"{sum(map(len, rooms.values()))}",
        "arrows in circles": f"{sum(len(rooms[a] & each) for each in round_ for a in each)}",
        "circles of rooms": f"{len(round_)}",
        "circles of modules": f"{len(circles(house.every))}",
        "longest import chain": f"{longest(house.top)}",
        "`Any`": f"{house.counts['Any']}",
        "string-keyed reads": f"{house.counts['string-keyed reads']}",
        "function-local imports": f"{house.counts['function-local imports']}",
        "class names used for two": f"{sum(count > 1 for count in house.classes.values())}",
        "lines a file: median, most": f"{median(sizes):.0f}, {max(sizes)}",
        "files above 250 lines": f"{sum(size > 250 for size in sizes)}",
        "lines a function: median, most": f"{median(functions):.0f}, {max(functions)}",
        "functions above 40 lines": f"{sum(size > 40 for size in functions)}",
    }


def _loose(house: House, package: str) -> int:
    return sum(
        name.startswith(f"{package}.") and name.count(".") == 1 and path.name != "__init__.py"
        for name, path in house.modules.items()
    )


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    sys.setrecursionlimit(10_000)
    asked = [each.partition("=") for each in arguments] or [("now", "=", str(Path(__file__).parents[1]))]
    columns = {name: figures(measured(Path(folder))) for name, _, folder in asked}
    print("|  |", " | ".join(columns), "|")
    print("|---|", "---|" * len(columns), sep="")
    for row in next(iter(columns.values())):
        print(f"| {row} |", " | ".join(each[row] for each in columns.values()), "|")


if __name__ == "__main__":
    main(sys.argv[1:])
