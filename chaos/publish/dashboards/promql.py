"""PromQL literals and references: a value as a string that cannot leave its quotes."""

import re
from collections.abc import Iterator

from chaos.publish.templates.filters import quoted as quoted

_STRING = r'"(?:[^"\\\n]|\\.)*"'
_SELECTOR = re.compile(
    rf"(?:(?<![\w:])([a-zA-Z_:][a-zA-Z0-9_:]*))?\{{((?:\s*\w+\s*(?:=~|!~|!=|=)\s*{_STRING}\s*,?)*)\s*\}}"
)
_MATCHER = re.compile(rf"(?<!\w)(\w+)\s*(?:=~|!~|!=|=)\s*({_STRING})")
_COUNTED = re.compile(r"\b(rate|irate|increase|max_over_time|last_over_time|changes|resets)\s*\(")
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)\]\]")


def variables(query: str) -> set[str]:
    """The names of the dashboard's variables in it."""
    return {found[1] or found[2] or found[3] for found in _VARIABLE.finditer(query)}


def metrics(query: str) -> set[str]:
    """The names of the metrics that it selects with `{…}`."""
    return {found[1] for found in _SELECTOR.finditer(query) if found[1]}


def matchers(query: str) -> list[tuple[str, str]]:
    """(label, its string with the quotes) of every selector."""
    return [(each[1], each[2]) for found in _SELECTOR.finditer(query) for each in _MATCHER.finditer(found[2])]


def problems(query: str) -> Iterator[str]:
    """What is wrong with its form. Prometheus is stricter; what passes here and fails there is in no template."""
    rest = re.sub(_STRING, "", _SELECTOR.sub("", query))
    if not query.strip():
        yield "empty"
    for left, right in ("()", "[]", "{}"):
        if not _nested(rest, left, right):
            yield f"unbalanced {left}{right}"
    if '"' in rest or "'" in rest or "`" in rest:
        yield "a string that does not end"
    if "{" in rest:
        yield 'a selector that is none: write metric{label="value",…}'


def is_raw_counter(query: str) -> bool:
    """Whether a counter is shown as it is: it falls to 0 when a process starts again."""
    return bool(re.search(r"_total\b", query)) and not _COUNTED.search(query)


def has_fixed_rate(query: str) -> bool:
    """Whether a rate is taken over a fixed time, which may hold no two samples of the data source."""
    return bool(re.search(r"\b(?:rate|irate|increase)\s*\([^()]*\[\d+[smhd]\]", query))


def _nested(text: str, left: str, right: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == left) - (letter == right)
        if depth < 0:
            return False
    return depth == 0
