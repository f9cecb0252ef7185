"""Secrets of an app in what it is given: known by the name of a variable or an option, or by their look.

In texts they are found by `chaos.text.detectors`. Formats of vendors' keys: their prefixes as documented by GitHub,
GitLab, AWS, Google, Slack, Stripe, npm, PyPI, Hugging Face, Grafana, HashiCorp, DigitalOcean, SendGrid.
"""

import re
from collections.abc import Iterator, Sequence

from chaos.text.deferred import deferred

SHORTEST = 4
"""Characters of a value that can be masked."""
MASKED = "[masked]"

_PREFIXES = (
    r"gsk_|e2b_|sk-|sk_|rk_|pk_live_|gh[pousr]_|github_pat_|glpat-|xox[a-z]-|xapp-|AKIA|ASIA|AIza|ya29\.|npm_|pypi-|hf_|"
    r"glsa_|glc_|hvs\.|hvb\.|s\.(?=\w{20})|dop_v1_|SG\.|shpat_|whsec_|lin_api_|dckr_pat_|tskey-|AGE-SECRET-KEY-"
)
PREFIXED = deferred(rf"(?<![A-Za-z0-9])(?:{_PREFIXES})[\w./+=-]{{6,}}")
JWT = deferred(r"\beyJ[\w-]+(?:\.[\w-]*){0,2}")
PEM = deferred(
    r"-----BEGIN [A-Z ]*(?:KEY|CERTIFICATE|MESSAGE)[A-Z ]*-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL
)
LOGIN = deferred(r"\b([a-z][\w+.-]{0,20}://)([^\s/@:]{0,256}):(\S{0,512})@", re.IGNORECASE)
SCHEME = deferred(r"\b(bearer|basic|digest|negotiate)\s+([\w.~+/=-]{6,})", re.IGNORECASE)
NAMED = (
    r"(?:[\w.-]{0,60}?(?:passw(?:or)?d|passwd|pwd|passphrase|secret|token|api[_-]?key|apikey|access[_-]?key|"
    r"private[_-]?key|account[_-]?key|credential|auth(?![a-z])|session(?:id)?|cookie|signature)[\w.-]{0,40})"
)
"""A name in a text; everything is bounded and begins at the begin of a word, so that a long line costs its length."""
_ASSIGNED = deferred(rf"(?i)(?<![\w.-])({NAMED})(\\?['\"]?)(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&\"'}}]+)")
_OPTION = deferred(r"(?i)(?<!\S)(--?[\w-]{1,60}[ =])(\S+)")
_WORD = deferred(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SAYS_SO = deferred(
    r"APIKEY|AUTHORIZATION|COOKIE|CREDENTIALS?|KEY|PASS|PASSPHRASE|PASSWD|PASSWORDS?|PAT|PSK|PWD|SALT|SECRETS?|TOKEN|"
    r".*(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|APIKEY|DBPASS|SQLPASS|PWD)"
)
ONLY_ABOUT = frozenset(
    [
        "ALG",
        "ALGORITHM",
        "AUDIENCE",
        "COUNT",
        "DIR",
        "ENABLED",
        "ENDPOINT",
        "EXPIRES",
        "EXPIRY",
        "FILE",
        "FORMAT",
        "HEADER",
        "HOST",
        "ID",
        "ISSUER",
        "LENGTH",
        "LIMIT",
        "MAX",
        "METHOD",
        "MIN",
        "NAME",
        "PATH",
        "POLICY",
        "PORT",
        "PREFIX",
        "PROVIDER",
        "REGION",
        "REQUIRED",
        "SIZE",
        "TIMEOUT",
        "TTL",
        "TYPE",
        "URI",
        "URL",
        "VERSION",
    ]
)
"""`DB_PASSWORD_FILE` says where one is, not which."""
SWITCH = deferred(r"(?i)|disabled|enabled|false|no|none|null|off|on|optional|required|true|yes")
_SCHEMES = ("bearer", "basic", "digest", "negotiate")
_HINTS = ("pass", "secret", "token", "key", "pwd", "authorization", "credential", "cookie")
HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret: `DB_PASSWORD`, `apiKey`, `--token`; not `PASSWORD_FILE`, `PUBLIC_KEY`."""
    if name in ("PWD", "OLDPWD"):  # directories
        return False
    words = [word.upper() for word in _WORD.findall(name)]
    if not words or words[-1] in ONLY_ABOUT or "PUBLIC" in words:
        return False
    return any(map(_SAYS_SO.fullmatch, words))


def values_of(name: str, value: str) -> Iterator[str]:
    """What of the value of an environment variable is secret: all of it by its name, or parts of it by their look."""
    if is_secret_name(name) and not _says_nothing(value):
        yield value.strip()
    yield from spotted(value)


def spotted(text: str) -> Iterator[str]:
    """What in a command line, a URL or a header is secret by a name beside it, or by its look."""
    for pattern in (PREFIXED, JWT, PEM):
        yield from pattern.findall(text)
    if "://" in text and "@" in text:
        yield from (found[2] for found in LOGIN.findall(text))
    if _has(text, _SCHEMES):
        yield from (found[1] for found in SCHEME.findall(text))
    for name, value in _named(text):
        plain = value.strip("\"'")
        if is_secret_name(name.strip(" =-")) and not _says_nothing(plain):
            yield plain


def _named(text: str) -> list[tuple[str, str]]:
    """Names, with what is assigned to each, that may be those of secrets."""
    if not _has(text, (*_HINTS, "pat", "psk", "salt")):
        return []
    return [(found[0], found[3]) for found in _ASSIGNED.findall(text)] + _OPTION.findall(text)


def _has(text: str, words: Sequence[str]) -> bool:
    low = text.lower()
    return any(word in low for word in words)


def arguments(command: Sequence[str]) -> Iterator[int]:
    """Where the values of options with secret names are, when they are words of their own."""
    for at, option in enumerate(command[:-1]):
        is_named = option.startswith("-") and "=" not in option and is_secret_name(option)
        if is_named and not command[at + 1].startswith("-"):
            yield at + 1


def _says_nothing(value: str) -> bool:
    """Too short to be masked, a switch, or a reference to a variable instead of its value."""
    text = value.strip()
    return (
        len(text) < SHORTEST or bool(SWITCH.fullmatch(text)) or text.startswith(("$", "[masked", "[secret"))
    )
