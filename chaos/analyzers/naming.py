"""Which measured quantity a piece of English names: the words for latency, errors, memory, phases, kinds of failure.

Used to bind a number in a sentence to what the sentence says it is a number of, so that a memory peak cannot pass as a
latency because the digits happen to exist.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

Words = dict[str, "re.Pattern[str]"]


def _words(**patterns: str) -> Words:
    return {
        name.replace("_", " ").strip(): re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
        for name, pattern in patterns.items()
    }


QUANTITIES = _words(
    latency="latenc(?:y|ies)|response times?",
    delay="delay(?:s|ed)?|(?:added|extra|injected|additional) latency",
    memory="memory|RAM",
    cpu="CPU|processor",
    disk="disks?|file ?systems?|storage",
    errors=r"errors?|failures?|fail(?:s|ed|ing)?|time-?outs?|timed out|refus(?:ed|als?)|resets?|rejected",
    good_answers="succe\\w+|good answers?|answered|served",
    throughput="throughput|good answers per second|requests per second|rps",
    recovery_time="recover(?:y|ed|s|ing)?|good again|c[ao]me back|back to normal|restored|stable again",
    resolution="resolution|known to",
    hold="lasted|in place|held for",
    bad_samples="bad|out of tolerance|outside (?:its|the) tolerance|violat\\w+",
    exits="exit(?:s|ed)?|crash(?:es|ed)?|died|killed|terminated|restart(?:s|ed)?",
    retries="retr(?:y|ies|ied|ying)|attempts?",
)
WEAK = _words(
    requests="requests?|checkouts?|calls?|sent",
    samples="samples?",
)
"""Wholes: they name the quantity only where nothing stronger does, or after `of`."""
STATS = _words(
    p50="pfifty|median",
    p95="pninetyfive",
    p99="pninetynine",
    mean="average[sd]?|mean|avg|typical(?:ly)?|usual(?:ly)?",
    peak="peak(?:s|ed)?|maximum|max|highest|worst",
    min="minimum|min|lowest|best|fastest",
    total="total|overall|altogether",
)
PHASES = _words(
    baseline="baseline|before|beforehand|normal(?:ly)?|initial(?:ly)?",
    fault="during|under|fault phase|while it lasted",
    recovery="recovery phase|in recovery|after(?:wards)?",
)
KINDS = _words(
    timeout="time-?outs?|timed out",
    refused="refus(?:ed|als?)",
    reset="resets?",
    closed="closed|hung up",
    asked="asked|requested|intended|configured|planned",
    delivered="delivered|measured|injected|actual(?:ly)?",
)
NEUTRAL = re.compile(
    r"\b(?:memory pressure|pressure on memory|full disk|disk full|dependency failure|process kill|error logs?|"
    r"error handling|recovery phase|in recovery|failure mode|error budget)\b",
    re.IGNORECASE,
)
"""Names of faults and habits of speech that name no quantity."""
UP = re.compile(
    r"\b(?:rose|rises?|increas(?:ed|es)|grew|jump(?:ed|s)|climb(?:ed|s)|went up|surged|spiked|shot up|worsened)\b",
    re.I,
)
DOWN = re.compile(
    r"\b(?:fell|falls|drop(?:ped|s)|decreas(?:ed|es)|declin(?:ed|es)|went down|sank|shrank|improved|reduced)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Named:
    """What a piece of text names."""

    quantities: frozenset[str]
    wholes: frozenset[str]
    stats: frozenset[str]
    kinds: frozenset[str]


def named(text: str, extra: Words) -> Named:
    """What `text` names; `extra` are the quantities of this run's faults."""
    text = NEUTRAL.sub(" ", text)
    return Named(
        _longest(text, QUANTITIES | extra),
        frozenset(name for name, pattern in WEAK.items() if pattern.search(text)),
        frozenset(name for name, pattern in STATS.items() if pattern.search(text)),
        frozenset(name for name, pattern in KINDS.items() if pattern.search(text))
        | {f"http_{status}" for status in re.findall(r"httpstatus([a-j]{3})", text)},
    )


def phases(text: str) -> frozenset[str]:
    """The phases that a text names."""
    return frozenset(name for name, pattern in PHASES.items() if pattern.search(text))


def extra_words(quantities: Iterable[str]) -> Words:
    """Patterns for quantities that only this run's faults have; their names are their words.

    A name that is also a word for something else (`failed`) would make every sentence with it ambiguous: it gets none.
    """
    return {
        name: re.compile(rf"\b{re.escape(name)}\b", re.IGNORECASE)
        for name in quantities
        if name not in QUANTITIES
        and name not in WEAK
        and not any(pattern.search(name) for pattern in QUANTITIES.values())
    }


def _longest(text: str, words: Words) -> frozenset[str]:
    """Names of the quantities found; one inside a longer one (`latency` in `added latency`) does not count."""
    spans = [(found.span(), name) for name, pattern in words.items() for found in pattern.finditer(text)]
    return frozenset(
        name
        for (start, end), name in spans
        if not any(s <= start and end <= e and (e - s) > (end - start) for (s, e), _ in spans)
    )
