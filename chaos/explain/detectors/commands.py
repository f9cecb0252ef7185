"""Secrets in command lines: options whose names say so, short options of known programs, and words at a known place.

Known programs are those whose manuals have an option for a password on the command line. A command is looked through
as far as its end (`|`, `;`, a new line) and 300 characters at most.
"""

import re

from chaos.explain.detectors.masks import SECRET
from chaos.text.deferred import deferred

_GAP = r"(?:\\{0,3}[\"']?,?\s{1,8}|\\{0,3}[\"'],)"
"""Between two words of a command, in a shell or as a list of strings."""
_OPENED = r"\\{0,3}[\"']?"
_VALUE = r"(?>\"[^\"]{1,400}\"?|'[^']{1,400}'?|\\{1,3}[\"'].{1,400}?\\{1,3}[\"']|[^\s\"']{1,400})"
_WITHIN = r"[^|;\n]{0,300}?"

_LONG = deferred(
    r"(?i)((?<![\w-])--?(?:[\w.-]{0,40}?(?:passw(?:or)?d|passphrase|passwd|passcode|storepass|keypass|secret|token|api-?key|apikey"
    r"|access-?key|secret-?key|bearer|credential|-pass|-pwd?|signature|cookie|authorization|api_key"
    r"|(?:private|auth|encryption|signing|master|account|session|license|deploy)[-_]key)(?:_key)?|requirepass|masterauth|D?(?:pass|pw)|pwd|key|auth)"
    rf"(?:=|{_GAP}))(?!{_OPENED}(?:-|<secret>|\$[\w{{(])|env:|file:|stdin\b)(pass:)?({_VALUE})"
)
_REFUSED = deferred(
    rf"(?i)(\bvalue\s+)({_VALUE})(?=\s+for\s+(?:option\s+|argument\s+)?[\"']?--?[\w-]{{0,40}}(?:pass|secret|token|key)\w*)"
)
_GIVEN = deferred(rf"((?<!\S)-p=)(?!\d+(?::\d+)?(?!\S))({_VALUE})")
_PASSED = deferred(rf"(?i)(\s-?-pass(?:in|out)?(?:=|{_GAP})pass:)(?!<secret>)({_VALUE})")
_USER = deferred(rf"(\s--user(?:=|{_GAP}){_OPENED}[\w.@-]{{1,64}}:)(?!\d+\b|<secret>|//)([^\s\"']{{1,400}})")

_ATTACHED = r"mysql\w*|mariadb[\w-]*|sshpass|7z[ar]?|(?:un)?rar"
_SHORT: tuple[tuple[tuple[str, ...], tuple[str, str]], ...] = (
    (
        ("mysql", "mariadb", "pass", "mongo", "cqlsh", "twine", "rabbit", "user"),
        (r"mysql\w*|mariadb[\w-]*|sshpass|mongo\w*|cqlsh|twine|rabbitmqadmin|user(?:add|mod)", "-p"),
    ),
    (
        ("login",),
        (r"(?:docker|podman|buildah|skopeo|nerdctl|crane|az|oc|cf)\b[^|;\n]{0,40}?\slogin", "-p"),
    ),
    (("redis-cli", "http"), (r"redis-cli|https?(?=\s)", "-a")),
    (
        ("sqlcmd", "bcp", "zip", "mosquitto", "ipmitool", "sql"),
        (r"sqlcmd|bcp|(?:un)?zip|mosquitto_\w+|ipmitool|isql|tsql", "-P"),
    ),
    (("ldap",), (r"ldap(?:search|modify|add|delete|passwd|whoami)", "-w")),
    (("openssl",), (r"openssl\s+\S{1,30}", "-[kK]")),
    (("snmp",), (r"snmp\w+", "-c")),
    (("ssh-keygen",), (r"ssh-keygen", "-N")),
)
"""Words of which one must be in a text; programs, and the option of theirs that a password follows."""
_LOGINS: tuple[tuple[str, str, str], ...] = (
    (r"curl", r"(?:-[a-zA-Z]{0,8}[uU]|--(?:proxy-)?user)", ":"),
    (r"lftp|ncftp\w*", "-u", ","),
    (r"smbclient|rpcclient|smbget|net", "-U", "%"),
)
_PLACES: tuple[str, ...] = (
    rf"(\brabbitmqctl\b{_WITHIN}\s(?:add_user|change_password|authenticate_user)\s+\S{{1,64}}\s+)({_VALUE})",
    rf"(\bhtpasswd\s{_WITHIN}-[a-zA-Z]*b[a-zA-Z]*{_WITHIN}\s)({_VALUE})(?=\s*$)",
    rf"(\bnet\s+user\s+\S{{1,64}}\s+)(?!/)({_VALUE})",
    rf"(\bnet\s+use\s+\S{{1,64}}\s+\S{{1,200}}\s+(?:/user:\S{{1,64}}\s+)?)(?!/)({_VALUE})",
    rf"(\bwpa_passphrase\s+\S{{1,64}}\s+)({_VALUE})",
    rf"(\bvault\s+login\s+)(?!-)({_VALUE})",
    rf"(\bmc\s+(?:alias|config host)\s+(?:set|add)\s+\S{{1,64}}\s+\S{{1,200}}\s+\S{{1,128}}\s+)({_VALUE})",
    r"((?<![\w-])(?:echo|printf)\s+(?:-n\s+)?[\"']?(?:[\w.-]{1,64}:)?)([^\s\"'|]{1,400})"
    r"(?=[\"']?\s*\|\s*(?:sudo\s+)?(?:chpasswd|passwd|[\w.-]+\s[^|]{0,200}?--?[\w-]*(?:stdin|fd)\b))",
    rf"(password-command[= ]\s*[\"']?echo\s+)({_VALUE})",
    r"(\bsqlplus\s+(?:-\w+\s+){0,3}[\w$]{1,40}/)([^\s@\"']{1,200})",
    rf"((?<![\w-])\"?AUTH\"?\s+(?:\"?[\w.-]{{1,40}}\"?\s+)?)({_VALUE})(?=\s*$)",
    rf"((?<![\w-])LOGIN\s+\S{{1,64}}\s+)({_VALUE})(?=\s*$)",
    r"((?i:\bbasic auth)\s+[\w.@-]{1,64}:)([^\s\"']{1,400})",
    r"((?i:\blog(?:in|on))\s+[\w.-]{1,64}/)([^\s\"'/]{1,400})(?=\s*$)",
    r"(\b(?:log(?:in|on)|auth\w*|connect)\(\s?[\"'][\w.@-]{1,64}[\"'],\s?[\"'])([^\"'\n]{1,400})",
    rf"(\b_authToken\s+)({_VALUE})",
    rf"(\bexpect\b{_WITHIN}\bsend\s+[\"'])([^\"']{{1,400}})",
    r"(\bsend\s+--\s+[\"'])([^\"']{1,400})",
)


Known = tuple[tuple[str, ...], re.Pattern[str], str]
"""Words of which one must be in a text, the pattern, and what is written instead."""


def _known() -> tuple[Known, ...]:
    keep = rf"\1{SECRET}"
    start = r"(?<![\w.-])"
    attached = deferred(rf"({start}(?:{_ATTACHED})\b{_WITHIN}{_GAP}{_OPENED}-p)(?!<secret>)({_VALUE})")
    made: list[Known] = [(("mysql", "mariadb", "sshpass", "7z", "rar"), attached, keep)]
    for these, (program, option) in _SHORT:
        head = rf"({start}(?:{program})\b{_WITHIN}{_GAP}{_OPENED}{option}{_GAP})"
        pattern = rf"{head}(?!{_OPENED}(?:-|<secret>))({_VALUE})"
        made.append((these, deferred(pattern), keep))
    for program, option, sign in _LOGINS:
        value = rf"(?:{SECRET}|[\"'](?!{SECRET})[^\"']{{1,400}}[\"']?|[^\s\"'{sign}]{{0,200}}{sign}[^\s\"']{{0,400}})"
        pattern = rf"({start}(?:{program})\b{_WITHIN}{_GAP}{_OPENED}{option}(?:=|{_GAP})?)({value})"
        made.append((tuple(program.split("|")[:1]), deferred(pattern), keep))
    return tuple(made)


_KNOWN = _known()
_AT_A_PLACE = tuple(map(deferred, _PLACES))
_HINTS: tuple[str, ...] = (
    "rabbitmqctl",
    "htpasswd",
    "net ",
    "wpa_",
    "vault",
    "mc ",
    "echo",
    "printf",
    "password-command",
    "sqlplus",
)
_HINTS += ("auth", "expect", "send", "login", "logon")


def commands(text: str) -> str:
    """The text without them."""
    low = text.lower()
    if "-" in text:
        text = _PASSED.sub(rf"\1{SECRET}", text)
        text = _LONG.sub(rf"\1{SECRET}", text)
        for words, pattern, instead in _KNOWN:
            if any(word in low for word in words):
                text = pattern.sub(instead, text)
        text = _REFUSED.sub(_unless_masked, text)
        text = _GIVEN.sub(_unless_masked, text)
        text = _USER.sub(rf"\1{SECRET}", text)
    if any(hint in low for hint in _HINTS):
        for pattern in _AT_A_PLACE:
            text = pattern.sub(_unless_masked, text)
    return text


def _unless_masked(found: re.Match[str]) -> str:
    return found[0] if SECRET in found[2] else f"{found[1]}{SECRET}"
