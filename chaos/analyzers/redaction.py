"""Take out what must not leave the machine: keys, tokens, passwords, private keys, addresses of people and machines.

One place decides this (`Redactor`), used just before anything is sent. It would rather take out too much: a lost word
costs a little evidence, a sent secret cannot be called back. What secrets look like is in `chaos.secrecy`, which masks
them in journals already.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable

from chaos.secrecy import JWT, LOGIN, NAMED, PEM, PREFIXED, SCHEME

SECRET, PERSON, ADDRESS = "<secret>", "<email>", "<ip>"

_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (PEM, SECRET),
    (LOGIN, rf"\1{SECRET}@"),
    (
        re.compile(
            r"\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key|x-auth-token)(['\"]?\s*[:=]\s*).+",
            re.IGNORECASE,
        ),
        rf"\1\2{SECRET}",
    ),
    (SCHEME, rf"\1 {SECRET}"),
    (JWT, SECRET),
    (PREFIXED, SECRET),
    (
        re.compile(
            rf"(?i)(?<![\w.-])({NAMED})(['\"]?\s*(?:[:=]|=>|\bis\b|\bwas\b)\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"
        ),
        rf"\1\2{SECRET}",
    ),
    (re.compile(r"(?i)(--?(?:password|passwd|pass|token|secret|api-key|key)[ =])\S+"), rf"\1{SECRET}"),
    (re.compile(r"(?i)(\bidentified by\s+)('[^']*'|\"[^\"]*\"|\S+)"), rf"\1{SECRET}"),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+"), PERSON),
)
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
_TOKENS = re.compile(r"[A-Za-z0-9_+/=-]{20,}")
_DIGITS = re.compile(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_OWN = ("127.", "0.0.0.0", "::1", "::")
RANDOM_BITS = 3.6
"""A word of 20 signs or more, with digits, carries this many bits a sign or more only when nobody chose it."""


class Redactor:
    """Takes secrets out of texts. `known` are values that are secret whatever they look like (our own keys)."""

    def __init__(self, known: Iterable[str] = (), *, addresses: bool = True) -> None:
        self._known = sorted({value for value in known if len(value) >= 6}, key=len, reverse=True)
        self._addresses = addresses
        """Whether IP addresses go, too; those of the machine itself say nothing and stay."""

    def __call__(self, text: str) -> str:
        """The text without them; doing it twice changes nothing."""
        for value in self._known:
            text = text.replace(value, SECRET)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        text = _TOKENS.sub(lambda found: SECRET if _random(found[0]) else found[0], text)
        text = _DIGITS.sub(lambda found: SECRET if _is_card(found[0]) else found[0], text)
        return self._without_addresses(text) if self._addresses else text

    def _without_addresses(self, text: str) -> str:
        for pattern in (_IPV4, _IPV6):
            text = pattern.sub(lambda found: found[0] if _says_nothing(found[0]) else ADDRESS, text)
        return text


def _says_nothing(address: str) -> bool:
    """The machine itself, or a time of day, which looks like the end of an IPv6 address."""
    return address.startswith(_OWN) or re.fullmatch(r"\d{1,2}:\d\d:\d\d", address) is not None


def _random(word: str) -> bool:
    """Whether a long word looks drawn by a machine: hex of 32 signs and more, or many different signs with digits."""
    if re.fullmatch(r"[0-9a-fA-F]{32,}", word):
        return True
    if not re.search(r"\d", word) or not re.search(r"[A-Za-z]", word):
        return False
    total = len(word)
    bits = -sum(n / total * math.log2(n / total) for n in Counter(word).values())
    return bits >= RANDOM_BITS


def _is_card(digits: str) -> bool:
    """Whether the digits pass Luhn's check (ISO/IEC 7812-1), as numbers of payment cards do."""
    plain = [int(sign) for sign in reversed(digits) if sign.isdigit()]
    doubled = [value if index % 2 == 0 else sum(divmod(value * 2, 10)) for index, value in enumerate(plain)]
    return sum(doubled) % 10 == 0
