"""Secrets of an app, known by name, by look or by value, and masked wherever texts are taken down.

The agent masks before it writes a line of its journal, the host before it writes one of its own: what is read from a
journal later never held them. Formats of vendors' keys: their prefixes as documented by GitHub, GitLab, AWS, Google,
Slack, Stripe, npm, PyPI, Hugging Face, Grafana, HashiCorp, DigitalOcean, SendGrid.

Not masked: a value that the app prints in parts (on two lines, or reversed, hashed, compressed), and values of fewer
than four characters, which would blot out every text.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

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
_HINTS = ("pass", "secret", "token", "key", "pwd", "authorization", "credential", "cookie")
_NUMBERS = frozenset({int, float, bool, type(None)})
"""Of which a run has millions."""
_SCHEMES = ("bearer", "basic", "digest", "negotiate")
HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_NAMES_OF_OURS = frozenset(
    [
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
        "restart",
        "run_id",
        "signal",
        "stage",
        "step",
        "stream",
        "target",
        "type",
    ]
)
"""Keys of events and orders whose text is a name that a run goes by, though a secret be called the same."""
_JUDGED = frozenset({"body", "output", "contains", "matches"})
"""Texts that are held against each other: what merely looks like a secret is left in both."""


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
        text = self.known(text)
        if "-----BEGIN" in text:
            text = PEM.sub(MASKED, text)
        text = PREFIXED.sub(MASKED, text)
        if "eyJ" in text:
            text = JWT.sub(MASKED, text)
        if "://" in text and "@" in text:
            text = LOGIN.sub(_without_password, text)
        if _has(text, _SCHEMES):
            text = SCHEME.sub(_without_login, text)
        return _ASSIGNED.sub(_without_value, text) if _has(text, _HINTS) else text


def _without_password(found: re.Match[str]) -> str:
    return found[0] if found[3].startswith("[") else f"{found[1]}{found[2]}:{MASKED}@"


def _without_login(found: re.Match[str]) -> str:
    """`Basic realm` and `digest mismatch` are words; what a client sends has signs or digits in it."""
    is_word = found[2].isalpha() and (found[2].islower() or found[2].istitle())
    return found[0] if is_word else f"{found[1]} {MASKED}"


def _without_value(found: re.Match[str]) -> str:
    """`token=…` always; `token: …` of prose only when a quote or a digit says that it is no word."""
    name, quote, sign, value = found.groups()
    plain = value.strip("\"'")
    is_prose = sign.strip() == ":" and not quote and not any(each.isdigit() for each in plain)
    if is_prose or _says_nothing(plain) or not is_secret_name(name):
        return found[0]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{name}{quote}{sign}{mark}{MASKED}{mark}"
