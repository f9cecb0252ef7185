"""Secrets in URLs and connection strings: behind a user's name, as a parameter, as a part of a path."""

import re

from chaos.text.deferred import deferred
from chaos.text.detectors.masks import SECRET
from chaos.text.secrecy import LOGIN

_ALONE = deferred(r"(?i)(\b[a-z][\w+.-]{0,20}://)([^\s/@:?#<]{8,256})@")
_LOOKS_DRAWN = deferred(r"(?=[^\d\s]{0,60}\d)\S{16,256}")
_TOKEN_ALONE = deferred(r"(?i)(\b(?:nats|sentry|dsn)://)([^\s/@:<]{3,256})@")
"""Where a name alone is no user's, but the token."""
_DSN = deferred(
    r"(?<![\w./:@-])([\w.-]{1,40}):([^\s@/<\"']{1,200})(?=@(?:(?:tcp|udp|unix)\(|(?!sha\d)[\w.-]{1,80}(?::\d|/|[\s\"',)]|$)))"
)
_PGPASS = deferred(
    r"(?<!\S)((?:[\w.-]{1,64}|\*):(?:\d{1,5}|\*):(?:[\w.-]{1,64}|\*):(?!\d+:)[\w.-]{1,64}:)([^\s:\"'<]{3,200})(?=\s*$)"
)
"""A line of `.pgpass`."""
_ORACLE = deferred(r"(?i)((?:\bthin:|\bconn(?:ect)?\s)[\w$]{1,40}/)([^\s@<]{1,200})(?=@)")
_PARAMETER = deferred(
    r"(?i)((?:[?&#]|;(?=jsess)|%3f|%26)(?:[\w.-]{0,40}?(?:token|secret|passw|pwd|signature|credential|api_?key|hmac|session|cookie)[\w.-]{0,20}"
    r"|[\w.-]{0,20}?(?:pass|pw|sig|key|auth|jwt|otp|sid|ticket|assertion)|code)(?:=|%3d))([^&\s\"'#;<>)\]}\\]{1,4000})"
)
_HOOK = deferred(
    r"(?i)(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot"
    r"|webhook\.office\.com/)([^\s\"'<>]{8,400})"
)


def secret_addresses(text: str) -> str:
    """The text without them."""
    if text.count(":") >= 4:
        text = _PGPASS.sub(rf"\1{SECRET}", text)
    if "@" in text:
        text = LOGIN.sub(_without_password, text)
        text = _TOKEN_ALONE.sub(rf"\1{SECRET}@", text)
        text = _ALONE.sub(_without_token, text)
        text = _DSN.sub(rf"\1:{SECRET}", text)
        text = _ORACLE.sub(rf"\1{SECRET}", text)
    if "=" in text or "%3" in text:
        text = _PARAMETER.sub(rf"\1{SECRET}", text)
    return _HOOK.sub(rf"\1{SECRET}", text) if "/" in text else text


def _without_password(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}:{SECRET}@"


def _without_token(found: re.Match[str]) -> str:
    """A user's name alone stays: `ssh://git@…`."""
    return f"{found[1]}{SECRET}@" if _LOOKS_DRAWN.fullmatch(found[2]) else found[0]
