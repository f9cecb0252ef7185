"""What a model may write in words of its own: a sentence all of whose words are known to say nothing of how it was.

The list of words is closed (`vocabulary/plain.txt`), so that nothing needs to be recognised as a lie: there is no word
for a quantity, a direction, a cause, a phase, a verdict or somebody who was not there. Beside them stand the run's own
names, and in quotes what a process wrote, word by word, said to be from its log.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chaos.explain.vocabulary import vocabulary, words

LONGEST_SENTENCE, LONGEST_QUOTE, SHORTEST_QUOTE = 200, 160, 6

_QUOTED = re.compile(r"[“\"]([^“”\"]*)[”\"]")
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_PLAIN = re.compile(r"[A-Za-z ,;:.!?'’()–—-]*")
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp|file|data|javascript|mailto)\s*:|//|\bwww\b|\b(?!\d)\w[\w-]*\.[a-z]{2,}\b|"
    r"\bdot (?:com|net|org|io)\b|\b(?:\d{1,3}\.){3}\d{1,3}\b"
)
_ATTRIBUTED = words("attributing")
"""How a sentence says that something is from the logs."""
_POSSESSIVE = re.compile(r"['’]s?$")
_NEGATED = re.compile(r"(?i)\b(?:no|not|never|none|without|cannot|neither|nor|if|unless)\b|n['’]t\b")


def sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed; a full stop within quotes ends none."""
    parts = (
        re.split(r"(?<=[.!?:])\s+(?=[^a-z])|(?<=[.!?]”)\s+(?=[A-Z])", line) for line in text.splitlines()
    )
    return [part.strip() for line in parts for part in line if part.strip()]


def quoted(sentence: str) -> list[str]:
    """What stands in quotation marks."""
    return [found[1] for found in _QUOTED.finditer(sentence)]


@dataclass(frozen=True, slots=True)
class Known:
    """What a model's own sentence may name and quote."""

    processes: frozenset[str]
    written: Callable[[str], Iterable[tuple[str, str]]]
    """The (process, line) of the logs that hold a text, as they are sent to the model."""

    def refusal(self, sentence: str) -> str:
        """Why a sentence must not be shown, in one word or two; empty when it may be."""
        if len(sentence) > LONGEST_SENTENCE or not any(sign.isalpha() for sign in sentence):
            return "form"
        quotes = quoted(sentence)
        rest = _QUOTED.sub(" ", sentence)
        if any(unicodedata.numeric(sign, None) is not None for sign in rest):
            return "digits"
        if not _PLAIN.fullmatch(rest):
            return "signs"
        said = {_POSSESSIVE.sub("", found[0].lower()) for found in _WORD.finditer(rest)}
        if not quotes:
            return "" if said and said <= words("plain") else "words"
        names = {name.lower() for name in self.processes if _WORD.fullmatch(name)}
        if not said <= words("plain") | words("quoting") | _ATTRIBUTED | names:
            return "words"
        written = [each for each in quotes if each not in self.processes]
        return "" if _ATTRIBUTED & said and self._quotes(written, {*quotes, *said}) else "quotation"

    def _quotes(self, quotes: Sequence[str], named: Iterable[str]) -> bool:
        """Whether one thing is quoted, and a process that the sentence names, or any, wrote it."""
        if len(quotes) != 1 or not SHORTEST_QUOTE <= len(quotes[0]) <= LONGEST_QUOTE:
            return False
        if (
            not quotes[0].isprintable()
            or _ADDRESS.search(quotes[0])
            or vocabulary("forbidden").search(quotes[0])
        ):
            return False
        who = {name for name in self.processes if name in named or name.lower() in named}
        found = [process for process, line in self.written(quotes[0]) if _says(line, quotes[0])]
        return bool(found) and who <= set(found)


def _says(line: str, quoted: str) -> bool:
    """Whether a line holds these words as words, and is not cut where it denies something."""
    if (found := re.search(rf"(?<!\w){re.escape(quoted)}(?!\w)", line)) is None:
        return False
    before, after = line[: found.start()], line[found.end() :]
    return not _NEGATED.search(f"{before} … {after}") and not (after.strip(" .") and _NEGATED.search(quoted))
