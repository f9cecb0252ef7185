"""Take out what must not leave the machine: keys, tokens, passwords, private keys, addresses of people and machines.

One place decides this (`Redactor`), used just before anything is sent. It would rather take out too much: a lost word
costs a little evidence, a sent secret cannot be called back. Detectors of forms are those that journals are masked by
(`chaos.text.detectors`); words that look random, cards and addresses of people and machines go only here.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from chaos.run_spec.model import RunSpec
from chaos.run_spec.parts import SecretRef
from chaos.text.deferred import deferred
from chaos.text.detectors.every import without_secrets
from chaos.text.detectors.masks import SECRET
from chaos.text.detectors.vendors import bits
from chaos.text.masker import Masker
from chaos.text.secrecy import MASKED, SHORTEST

PERSON, ADDRESS = "<email>", "<ip>"

_PERSON = deferred(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+")
_IPV4 = deferred(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6 = deferred(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])")
_TOKENS = deferred(r"[A-Za-z0-9_+/-]{20,}={0,2}")
_DIGITS = deferred(r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d.])")
_UUID = deferred(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_LABELLED = deferred(
    r"(?i)(?:(?<!~)sha\d{1,3}[:-]|(?:trace|span|request|correlation|commit|revision|digest|etag|checksum|container|image|uuid)"
    r"[\w-]{0,12}['\"]{0,2}\s{0,2}[:=@ ]\s{0,2}['\"]?(?:sha\d{1,3}:)?)$"
)
_PLAIN_PART = deferred(r"[a-z]*|[A-Z]?[a-z]+|[A-Z]+|\d+|[a-z0-9]{1,11}")
_OWN = ("127.", "0.0.0.0", "::1", "::")
RANDOM_BITS = 3.6
"""A word of 20 signs or more, with digits, carries this many bits a sign or more only when nobody chose it."""


class Redactor:
    """Takes secrets out of texts. `known` are values that are secret whatever they look like, in every spelling."""

    def __init__(self, known: Iterable[str] = (), *, addresses: bool = True) -> None:
        values = {value: SECRET for value in known if len(value.strip()) >= SHORTEST}
        self._known = Masker(values).known
        self._addresses = addresses
        """Whether IP addresses go, too; those of the machine itself say nothing and stay."""

    def __call__(self, text: str) -> str:
        """The text without them; doing it twice changes nothing."""
        text = self._known(text)
        text = _PERSON.sub(PERSON, without_secrets(text))
        text = _TOKENS.sub(_unless_chosen, text)
        text = _DIGITS.sub(lambda found: SECRET if _is_card(found[0]) else found[0], text)
        return self._without_addresses(text) if self._addresses else text

    def _without_addresses(self, text: str) -> str:
        for pattern in (_IPV4, _IPV6):
            text = pattern.sub(lambda found: found[0] if _says_nothing(found[0]) else ADDRESS, text)
        return text


def given(plan: RunSpec, environ: Mapping[str, str]) -> Iterator[str]:
    """Values that a plan gives to processes as secrets: by the name of the variable, or from the environment."""
    redact = Redactor()
    for process in plan.processes:
        for name, value in process.env.items():
            if isinstance(value, SecretRef):
                yield environ.get(value.secret, "")
            elif value != MASKED and redact(f"{name}={value}") != f"{name}={value}":
                yield value


def _says_nothing(address: str) -> bool:
    """The machine itself, or a time of day, which looks like the end of an IPv6 address."""
    return address.startswith(_OWN) or re.fullmatch(r"\d{1,2}:\d\d:\d\d", address) is not None


def _unless_chosen(found: re.Match[str]) -> str:
    """A digest or an id that says what it is stays; so does a UUID."""
    word = found[0]
    if (
        not _random(word)
        or _UUID.fullmatch(word)
        or _LABELLED.search(found.string[max(0, found.start() - 60) : found.start()])
    ):
        return word
    return SECRET


def _random(word: str) -> bool:
    """Whether a long word looks drawn by a machine: hex of 32 signs and more, or many different signs with digits."""
    if re.fullmatch(r"[0-9a-fA-F]{32,}", word):
        return True
    if not re.search(r"\d", word) or not re.search(r"[A-Za-z]", word):
        return False
    if all(map(_PLAIN_PART.fullmatch, re.split(r"[-_/=+]", _UUID.sub("", word)))):
        return False
    return bits(word) >= RANDOM_BITS


def _is_card(digits: str) -> bool:
    """Whether the digits pass Luhn's check (ISO/IEC 7812-1), as numbers of payment cards do."""
    plain = [int(sign) for sign in reversed(digits) if sign.isdigit()]
    doubled = [value if index % 2 == 0 else sum(divmod(value * 2, 10)) for index, value in enumerate(plain)]
    return sum(doubled) % 10 == 0
