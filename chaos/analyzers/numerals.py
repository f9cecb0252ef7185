"""Numbers as people write them: digits with a unit, and which measurements they may be."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from chaos.analyzers.measurements import Measurement
from chaos.analyzers.vocabulary import vocabulary

NUMBER = re.compile(
    r"""(?x)
    \ue002(?P<ref>[a-z]+)\ue003
    | (?<![\w.,/^-])(?P<free>[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?)(?![\d^]|/(?!s\b))
    """
)
UNIT = re.compile(
    r"\s?(milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|percent|per cent|%|KiB|MiB|GiB|KB|MB|GB|bytes|B|"
    r"/s|per second|times|x|×)(?![\w%-])"
)
_SCALES: Mapping[str, tuple[tuple[str, ...], float]] = {
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs", "ms"), (("s",), 1e-3)),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), (("s",), 1.0)),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), (("s",), 60.0)),
    **dict.fromkeys(("percent", "per cent", "%"), (("%",), 1.0)),
    **{unit: (("B",), scale) for unit, scale in (("KiB", 2.0**10), ("MiB", 2.0**20), ("GiB", 2.0**30))},
    **{unit: (("B",), scale) for unit, scale in (("KB", 1e3), ("MB", 1e6), ("GB", 1e9))},
    **dict.fromkeys(("bytes", "B"), (("B",), 1.0)),
    **dict.fromkeys(("/s", "per second"), (("/s",), 1.0)),
    **dict.fromkeys(("times", "x", "×"), (("x", ""), 1.0)),
}
AFTER_COUNT = re.compile(
    r"\s*(?:$|[.!?]|\s(?:requests?|checkouts?|calls?|errors?|failures?|failed|timeouts?|timed|samples?|of|out|retries|"
    r"attempts?|bad|good|answers?|crashes|exits?|restarts?|refused|resets?|were|was|had|connections?|in|during|under)\b)",
    re.I,
)

_NUMBER_WORDS = vocabulary("numbers")
_SAME = 0.1
"""Rounding may change a number by so much of itself and no more: 1.4 s is not `1 s`."""


def equal(known: Iterable[Measurement], written: str, unit: str) -> Iterator[Measurement]:
    """The measurements that a number, as it is written, may be."""
    units, scale = _SCALES[unit] if unit else (("",), 1.0)
    plain = written.replace(",", "")
    value = float(plain) * scale
    step = 10.0 ** -len(plain.partition(".")[2]) * scale
    for each in known:
        if each.unit not in units:
            continue
        apart = abs(each.value - value)
        rounded = bool(each.unit and value) and apart <= min(step / 2 * (1 + 1e-9), _SAME * abs(each.value))
        if apart == 0 or rounded:
            yield each


def numeric(text: str) -> bool:
    """Whether a number is left in it, in any script or in words."""
    return any(unicodedata.numeric(sign, None) is not None for sign in text) or bool(
        _NUMBER_WORDS.search(text)
    )


def without_units(text: str, known: Mapping[str, Measurement]) -> str:
    """A unit written again after a reference goes when it is the one that will be filled in."""

    def once(found: "re.Match[str]") -> str:
        each = known.get(found[1])
        if each is None or not each.shown.endswith(found[2].strip()):
            return found[0]
        return "{" + found[1] + "}"

    return re.sub(r"\{([^{}\s]+)\}(\s?(?:ms|s|%|/s|times|MiB|KiB|GiB))(?![\w%])", once, text)
