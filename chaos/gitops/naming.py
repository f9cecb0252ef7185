"""Names in broken files: which experiments such a file may still define, without believing the rest of it. Pure."""

import re
from dataclasses import dataclass

from chaos.errors import ManifestError
from chaos.manifests.yaml import tree
from chaos.manifests.yaml.files import text_of
from chaos.manifests.yaml.tree import Tree

_NAME = ("metadata", "name")
_WORD = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Named:
    """The names that a file states, or could state."""

    names: frozenset[str]
    certain: bool
    """Whether each of its documents says its own; else the names are every word of its text that could be one."""


NOTHING_KNOWN = Named(frozenset(), certain=False)
"""Of a file that cannot be read."""


def named_in(content: bytes) -> Named:
    """What a file names. Bounded like the reading of a manifest; never raises."""
    try:
        text = text_of(content, "")
    except ManifestError:
        return Named(frozenset(_WORD.findall(content.decode("latin-1"))), certain=False)
    reading = tree.read(text)
    stated = [_stated(each) for each in reading.trees if each.data is not None or each.flaws]
    names = frozenset(each for each in stated if each is not None)
    if stated and reading.stopped is None and None not in stated:
        return Named(names, certain=True)
    return Named(names | set(_WORD.findall(text)), certain=False)


def _stated(document: Tree) -> str | None:
    """The name of one document; None when it has none, or more than one."""
    refused = document.spoiled | {path for _, path, _ in document.flaws}
    if any(_NAME[:length] in refused for length in range(len(_NAME) + 1)):
        return None
    about = document.data.get("metadata") if isinstance(document.data, dict) else None
    name = about.get("name") if isinstance(about, dict) else None
    return name if isinstance(name, str) and name else None
