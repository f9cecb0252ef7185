"""Log lines -> templates with counts: what differs between lines of one kind becomes `<*>`.

After Drain (He, Zhu, Zheng, Lyu: Drain: An Online Log Parsing Approach with Fixed Depth Tree, ICWS 2017): a line is
compared only with templates of as many words and the same first word, joins the most similar one when at least half
of the words are equal, and makes it more general. What is surely a value (numbers, addresses, quoted words, ids) is
masked before that.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

ANY = "<*>"
SIMILAR = 0.5
"""Share of equal words from which on two lines are of one kind; the paper's setting for most systems."""
MOST_WORDS = 40
"""Longer lines are compared by their beginning."""
MOST_KINDS = 50
"""Of lines that begin alike and are equally long: a program that writes more of them writes noise."""

_VALUES = re.compile(
    r"""(?x)
    \d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*              # a moment
    | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b
    | \b0x[0-9a-fA-F]+\b | \b[0-9a-fA-F]{12,}\b       # addresses, digests, trace ids
    | (?<![\w.])[-+]?\d[\d.,:]*                       # numbers, IPs, clock times
    """
)


@dataclass(slots=True)
class Template:
    """One kind of line of one process."""

    process: str
    words: list[str]
    example: str
    moments: list[float] = field(default_factory=list)
    """When each such line was written, Unix seconds, in order."""

    @property
    def text(self) -> str:
        """The words that all of its lines share."""
        return " ".join(self.words)

    def similarity(self, words: list[str]) -> float:
        """The share of words that are equal."""
        return sum(mine == theirs for mine, theirs in zip(self.words, words, strict=True)) / len(words)

    def take(self, words: list[str], at: float) -> None:
        """One more line of this kind."""
        self.words = [mine if mine == theirs else ANY for mine, theirs in zip(self.words, words, strict=True)]
        self.moments.append(at)


def mine(lines: Iterable[tuple[str, float, str]]) -> list[Template]:
    """The templates of (process, moment, line), in the order in which each was first seen."""
    leaves: dict[tuple[str, int, str], list[Template]] = defaultdict(list)
    found: list[Template] = []
    for process, at, line in lines:
        if not (words := masked(line)):
            continue
        leaf = leaves[process, len(words), words[0]]
        if (best := _most_similar(leaf, words)) is None and len(leaf) >= MOST_KINDS:
            best = leaf[-1]  # which by and by stands for all that are like no other
        if best is None:
            best = Template(process, words, line)
            leaf.append(best)
            found.append(best)
        best.take(words, at)
    return found


def masked(line: str) -> list[str]:
    """The words of a line, its values as `<*>`."""
    return _VALUES.sub(ANY, line).split()[:MOST_WORDS]


def _most_similar(leaf: list[Template], words: list[str]) -> Template | None:
    best = max(leaf, key=lambda template: template.similarity(words), default=None)
    return best if best is not None and best.similarity(words) >= SIMILAR else None
