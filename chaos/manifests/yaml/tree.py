"""YAML reader: plain data with line and column of every key; refuses what could surprise or harm.

One pass over libyaml's events, without recursion: building nodes in C overflows the stack at some 25 KB of
`[`, and even the events cost more the deeper they nest, so reading stops at the first one past the depth
limit. Anchors, aliases, merge keys, tags and duplicate keys are refused: a manifest means what it shows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from chaos.manifests.yaml.problems import Path, shown
from chaos.manifests.yaml.scalars import resolve

MOST_BYTES = 256 * 1024
MOST_DEPTH = 32
MOST_NODES = 20_000
MOST_DOCUMENTS = 100

Mark = tuple[int, int]
"""Line and column, from 1."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """Reading cannot go on from here; what was found before it still counts."""

    def __init__(self, mark: Mark, what: str) -> None:
        super().__init__(what)
        self.mark, self.what = mark, what


@dataclass
class Tree:
    """One document. `marks` positions every key and list item; `spoiled` paths were refused."""

    start: Mark
    data: Any = None
    marks: dict[Path, Mark] = field(default_factory=dict)
    flaws: list[tuple[Mark, Path, str]] = field(default_factory=list)
    spoiled: set[Path] = field(default_factory=set)

    def mark(self, path: Path) -> Mark:
        """Where `path` is, or the nearest thing around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, self.start)

    def refuse(self, mark: Mark, path: Path, what: str) -> None:
        """Note a flaw; later complaints about the same place would only repeat it."""
        self.flaws.append((mark, path, what))
        self.spoiled.add(path)


@dataclass
class YamlDocuments:
    """All documents of a text, and why it could not be read to its end, if so."""

    trees: list[Tree] = field(default_factory=list)
    stopped: Unreadable | None = None


class _Frame:
    """A mapping or list that is still open."""

    __slots__ = ("box", "key", "path", "skip")

    def __init__(self, box: Any, path: Path) -> None:
        self.box, self.path = box, path
        self.key: str | None = None
        self.skip = False


def read(text: str) -> YamlDocuments:
    """The documents of `text`. Never raises for what is in it."""
    reading = YamlDocuments()
    loader = _Loader(text)
    try:
        _Builder(reading, loader).run()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = _at(mark) if mark else (1, 1)
        reading.stopped = Unreadable(at, f"not YAML: {_complaint(error, text, at)}")
    except yaml.reader.ReaderError as error:
        reading.stopped = Unreadable(position(text, error.position), f"not YAML: {shown(error.reason, 200)}")
    except Unreadable as stop:
        reading.stopped = stop
    finally:
        loader.dispose()
    return reading


def position(text: str, offset: int) -> Mark:
    """Line and column of a character offset."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _complaint(error: yaml.MarkedYAMLError, text: str, at: Mark) -> str:
    line = text.split("\n")[at[0] - 1 : at[0]]
    if line and "\t" in line[0][: at[1]]:
        return "a tab; indent with spaces"
    return shown(" ".join(part for part in (error.problem, error.context) if part), 200)


def _at(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


class _Builder:
    """Puts data together from events, one document after the other."""

    def __init__(self, reading: YamlDocuments, loader: Any) -> None:
        self._reading, self._loader = reading, loader
        self._open: list[_Frame] = []
        self._nodes = 0
        self._tree = Tree((1, 1))

    def run(self) -> None:
        """Take every event to its handler."""
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: lambda event: self._enter(event, {}),
            yaml.SequenceStartEvent: lambda event: self._enter(event, []),
            yaml.MappingEndEvent: self._leave,
            yaml.SequenceEndEvent: self._leave,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        get_event = self._loader.get_event
        while (event := get_event()) is not None:
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
            if type(event) is yaml.StreamEndEvent:
                return

    def _document(self, event: Any) -> None:
        if len(self._reading.trees) == MOST_DOCUMENTS:
            raise Unreadable(_at(event.start_mark), f"more than {MOST_DOCUMENTS} documents in one file")
        self._tree = Tree(_at(event.start_mark))
        self._reading.trees.append(self._tree)

    def _scalar(self, event: Any) -> None:
        self._count(event)
        frame = self._open[-1] if self._open else None
        if frame is not None and type(frame.box) is dict and frame.key is None:
            self._key(event, frame)
            return
        path = self._next_path(event)
        self._refuse_extras(event, path)
        value = event.value
        if event.implicit[0]:
            try:
                value = resolve(value)
            except ValueError as error:
                self._tree.refuse(_at(event.start_mark), path, str(error))
        elif "\0" in value:
            self._tree.refuse(_at(event.start_mark), path, "a NUL character, which no program can be given")
        self._store(value)

    def _key(self, event: Any, frame: _Frame) -> None:
        key = event.value
        mark, path = _at(event.start_mark), (*frame.path, key)
        self._refuse_extras(event, path)
        frame.key, frame.skip = key, False
        if key == "<<" and event.implicit[0]:
            self._tree.refuse(mark, path, "merge keys are not read; write the values out")
            frame.skip = True
        elif key in frame.box:
            line, column = self._tree.marks[path]
            what = f"duplicate key '{shown(key)}'; it is already at line {line}, column {column}"
            self._tree.flaws.append((mark, path, what))
            frame.skip = True
        else:
            frame.box[key] = None
            self._tree.marks.setdefault(path, mark)

    def _enter(self, event: Any, box: Any) -> None:
        self._count(event)
        if len(self._open) >= MOST_DEPTH:
            raise Unreadable(_at(event.start_mark), f"nested more than {MOST_DEPTH} deep")
        frame = self._open[-1] if self._open else None
        if frame is not None and type(frame.box) is dict and frame.key is None:
            raise Unreadable(_at(event.start_mark), "a mapping or list as a key; keys are text")
        path = self._next_path(event)
        self._refuse_extras(event, path)
        self._store(box)
        self._open.append(_Frame(box, path))

    def _leave(self, event: Any) -> None:
        self._open.pop()

    def _alias(self, event: Any) -> None:
        self._count(event)
        frame = self._open[-1] if self._open else None
        if frame is not None and type(frame.box) is dict and frame.key is None:
            raise Unreadable(_at(event.start_mark), "an alias as a key; keys are text")
        path = self._next_path(event)
        self._tree.refuse(_at(event.start_mark), path, f"alias *{shown(event.anchor)}; write the value out")
        self._store(None)

    def _next_path(self, event: Any) -> Path:
        """The path of the value that this event begins; list items get their mark here."""
        if not self._open:
            return ()
        frame = self._open[-1]
        if type(frame.box) is dict:
            return (*frame.path, str(frame.key))
        path = (*frame.path, len(frame.box))
        self._tree.marks.setdefault(path, _at(event.start_mark))
        return path

    def _store(self, value: Any) -> None:
        if not self._open:
            self._tree.data = value
            return
        frame = self._open[-1]
        if type(frame.box) is list:
            frame.box.append(value)
            return
        if not frame.skip:
            frame.box[frame.key] = value
        frame.key = None

    def _refuse_extras(self, event: Any, path: Path) -> None:
        if event.anchor is not None:
            self._tree.refuse(
                _at(event.start_mark), path, f"anchor &{shown(event.anchor)}; write the value out"
            )
        elif event.tag is not None:
            self._tree.refuse(_at(event.start_mark), path, f"tag {shown(event.tag)}; values need none")

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise Unreadable(_at(event.start_mark), f"more than {MOST_NODES} values in one file")
