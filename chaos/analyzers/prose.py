"""What of a model's prose may stand in a report: short plain sentences about the run, nothing that acts on a reader.

A sentence is refused when it holds a sign outside plain prose (markup, links, code, invisible signs), looks like an
address or a command, speaks of instructions or credentials, asks the reader for something that is not about the app's
resilience, or says the opposite of the verdict. Refusing is cheap: the rules' words remain.
"""

import re
import unicodedata
from collections.abc import Iterator

from chaos.analyzers.vocabulary import vocabulary
from chaos.verdict import Verdict

LONGEST_SENTENCE = 320

_SIGNS = frozenset(" .,;:!?()'’‘“”\"-–—%/&+×")
_REFERENCE = re.compile(r"\{[^{}\s]{1,80}\}")
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp|file|data|javascript|mailto)\s*:|//|\bwww\b|"
    r"\b(?!\d)\w[\w-]*\.[a-z]{2,}\b|\bdot (?:com|net|org|io)\b|"
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b"
)
_FORBIDDEN = vocabulary("forbidden")
_PRAISE = vocabulary("praise")
_BLAME = vocabulary("blame")
_TOPIC = vocabulary("topics")


def sentences(text: str) -> list[str]:
    """The sentences of a text, trimmed."""
    return [part for line in text.splitlines() for part in _split(line) if part]


def _split(line: str) -> Iterator[str]:
    for part in re.split(r"(?<=[.!?])\s+(?=[^a-z])", line.strip()):
        yield part.strip()


def refused(sentence: str, verdict: Verdict) -> bool:
    """Whether it must not be shown as part of a summary."""
    plain = _REFERENCE.sub("", unicodedata.normalize("NFKC", sentence))
    return (
        not any(sign.isalpha() for sign in plain)
        or len(sentence) > LONGEST_SENTENCE
        or not all(_is_plain(sign) for sign in _REFERENCE.sub("", sentence))
        or _mixed(plain)
        or bool(_ADDRESS.search(plain) or _FORBIDDEN.search(plain))
        or _contradicts(plain, verdict)
    )


def advises(advice: str) -> bool:
    """Whether it is about making an app more resilient."""
    return bool(_TOPIC.search(advice))


def _is_plain(sign: str) -> bool:
    return (
        sign in _SIGNS
        or sign == "_"
        or unicodedata.category(sign) in ("Lu", "Ll", "Lo", "Lt", "Nd", "Mn", "Mc")
    )


def _contradicts(plain: str, verdict: Verdict) -> bool:
    """Praise of a run that did not hold, blame of one that did."""
    return bool(_BLAME.search(plain) if verdict is Verdict.HELD else _PRAISE.search(plain))


def _mixed(plain: str) -> bool:
    """Whether letters of Latin and of look-alike scripts stand in one word."""
    for word in re.findall(r"\w+", plain):
        scripts = {unicodedata.name(sign, "").split(" ")[0] for sign in word if sign.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False
