"""Masker of secrets in texts and plain data: known values in every spelling, and what the detectors find.

The agent masks before it writes a line of its journal, the host before it writes one of its own: what is read from a
journal later never held them. What a model is sent goes through the same detectors (`chaos.explain.redaction`).

Not masked: a value that the app prints in parts (on two lines, or reversed, hashed, compressed), and values of fewer
than four characters, which would blot out every text.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from chaos.text.deferred import deferred
from chaos.text.detectors.every import without_secrets
from chaos.text.detectors.masks import SECRET
from chaos.text.secrecy import MASKED, SHORTEST

_NUMBERS = frozenset({int, float, bool, type(None)})
"""Of which a run has millions."""
_NAMES_OF_OURS = frozenset(
    {
        "act",
        "answer",
        "app",
        "because",
        "by",
        "condition",
        "cwd",
        "digest",
        "experiment",
        "fault",
        "holds",
        "kernel",
    }
    | {
        "kind",
        "mechanism",
        "memory_kind",
        "method",
        "metric",
        "name",
        "outcome",
        "phase",
        "probe",
        "process",
        "python",
    }
    | {"restart", "run_id", "signal", "stage", "step", "stream", "target", "type"}
)
"""Keys of events and orders whose text is a name that a run goes by, though a secret be called the same."""
_JUDGED = frozenset({"body", "output", "contains", "matches"})
"""Texts that are held against each other: what merely looks like a secret is left in both."""
_LABEL = deferred(r"\[masked\]|\[secret [\w.-]{1,200}\]")
_MARK = deferred(rf"{SECRET}(?:(\d{{1,4}})>)?")


def _spelled(values: Mapping[str, str]) -> dict[str, str]:
    """What is written in the place of each spelling of each value."""
    from chaos.text.spellings import spellings  # with the tables of HTML, for the few that have secrets

    return {form: label for value, label in values.items() for form in spellings(value)}


class Masker:
    """Takes known values, in every spelling, and what looks like a secret out of texts and plain data."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        """`values`: each value and what is written in its place."""
        found = _spelled(values) if values else {}
        self._labels = {form: label for form, label in found.items() if len(form) >= SHORTEST}
        longest_first = sorted(self._labels, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._short = lru_cache(maxsize=1024)(self._masked)
        """Errors of requests come by the thousand, and are few."""

    def __call__(self, text: str) -> str:
        """The text with each replaced; doing it twice changes nothing."""
        return self._short(text) if len(text) < 200 else self._masked(text)

    def known(self, text: str) -> str:
        """Only the values that are known."""
        if self._known is None:
            return text
        return self._known.sub(lambda found: self._labels[found[0]], text)

    def data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Plain data, masked but for the names that a run goes by."""
        return {
            key: value if type(value) in _NUMBERS else self._value(key, value) for key, value in data.items()
        }

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(key, value)
        if isinstance(value, Mapping):
            return self.data(value)
        if isinstance(value, list | tuple):
            return [self._value(key, each) for each in value]
        return value

    def _text(self, key: str, text: str) -> str:
        if key in _NAMES_OF_OURS:
            return text
        if key == "matches" and self._known is not None:
            return self._known.sub(lambda found: re.escape(self._labels[found[0]]), text)
        return self.known(text) if key in _JUDGED else self(text)

    def _masked(self, text: str) -> str:
        """Labels that are there already stand for what the detectors leave alone, while they look."""
        text = self.known(text)
        labels = _LABEL.findall(text) if "[masked]" in text or "[secret " in text else []
        if labels:
            places = iter(range(len(labels)))
            text = _LABEL.sub(lambda _: f"{SECRET}{next(places)}>", text)
        text = without_secrets(text)
        return _MARK.sub(lambda found: _label(found, labels), text) if SECRET in text else text


def _label(found: re.Match[str], labels: Sequence[str]) -> str:
    return labels[int(found[1])] if found[1] and int(found[1]) < len(labels) else MASKED
