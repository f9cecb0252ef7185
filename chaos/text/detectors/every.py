"""Every detector, one after another: the one list for journals, notices and what a model is sent."""

import re
from collections.abc import Callable

from chaos.text.deferred import deferred
from chaos.text.detectors.addresses import secret_addresses
from chaos.text.detectors.commands import commands
from chaos.text.detectors.headers import headers
from chaos.text.detectors.masks import SECRET
from chaos.text.detectors.named import named
from chaos.text.detectors.vendors import vendors_keys
from chaos.text.secrecy import JWT, PEM, PREFIXED, SCHEME

_IDENTIFIED = deferred(
    r"(?i)(\b(?:identified (?:with \S{1,64} )?by|(?:with|role \S{1,64}|user \S{1,64}) password)\s+(?:password\s+)?+)"
    r"(?!<secret>)('[^']*'|\"[^\"]*\"|\S+)"
)
_HASHED = deferred(r"\$(?:1|2[abxy]?|5|6|y|apr1|argon2\w{1,2}|scrypt|pbkdf2[\w-]{0,10})\$[\w./+=,$-]{12,400}")
"""Passwords as crypt(5) and its kin keep them."""
_CHALLENGE = re.compile(r"(?i)(?:realm|error|scope|charset|qop|nonce|algorithm|stale)=")
"""What a server answers, who wants a login."""
_FORMS: tuple[Callable[[str], str], ...] = (
    lambda text: PEM.sub(SECRET, text) if "-----BEGIN" in text else text,
    vendors_keys,
    headers,
    secret_addresses,
    commands,
    lambda text: SCHEME.sub(_without_login, text),
    lambda text: JWT.sub(SECRET, text) if "eyJ" in text else text,
    lambda text: PREFIXED.sub(SECRET, text),
    lambda text: _HASHED.sub(SECRET, text) if "$" in text else text,
    lambda text: _IDENTIFIED.sub(rf"\1{SECRET}", text),
    named,
)


def without_secrets(text: str) -> str:
    """The text with `<secret>` in their places; doing it twice changes nothing."""
    for form in _FORMS:
        text = form(text)
    return text


def _without_login(found: re.Match[str]) -> str:
    """`Basic realm` and `digest mismatch` are words."""
    is_word = found[2].startswith("sha") or (
        found[2].isalpha() and (found[2].islower() or found[2].istitle())
    )
    is_none = is_word or SECRET in found[0] or _CHALLENGE.match(found[2])
    return found[0] if is_none else f"{found[1]} {SECRET}"
