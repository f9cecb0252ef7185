"""Secrets in command lines: options whose names say so, short options of known programs, and words at a known place.

Known programs are those whose manuals have an option for a password on the command line. A command is looked through
as far as its end (`|`, `;`, a new line) and 300 characters at most.
"""

import re

from chaos.text.deferred import deferred
from chaos.text.detectors.masks import SECRET

_GAP = r"(?:\\{0,3}[\"']?,?\s{1,8}|\\{0,3}[\"'],)"
"""Between two words of a command, in a shell or as a list of strings."""
_OPENED = r"\[?\s?\\{0,3}[\"']?"
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
_AFTER_USER = deferred(
    rf"((?:(?<!\S)|[\"'])(?:-[uU]|--?user(?:name)?|--login|/u)(?:[= :]|{_GAP}){_OPENED}[\w.@\\-]{{1,64}}[\"']?"
    rf"(?:{_GAP}[^|;\s]{{1,80}}){{0,4}}?{_GAP}{_OPENED}(?:-(?:p|P|pw|w)(?:{_GAP}|=)|/p(?:ass(?:word)?)?:))"
    rf"(?!{_OPENED}(?:-|<secret>|\d{{1,5}}\b|/|\$))({_VALUE})"
)
"""`-u bob … -p …`, of any program; a number of up to five digits is a port."""
_CREDENTIALS = deferred(
    rf"((?<!\S)--?[\w-]{{0,30}}creds?(?:=|{_GAP}){_OPENED}[\w.@-]{{1,64}}:)(?!<secret>)([^\s\"']{{1,400}})"
)
_ARCHIVE = deferred(r"((?<![\w.-])(?:un)?rar\s[^|;\n]{0,200}?\s-hp)(?!<secret>)([^\s\"']{1,400})")
_USER = deferred(rf"(\s--user(?:=|{_GAP}){_OPENED}[\w.@-]{{1,64}}:)(?!\d+\b|<secret>|//)([^\s\"']{{1,400}})")

_ATTACHED = r"mysql\w*|mariadb[\w-]*|sshpass|7z[ar]?|(?:un)?rar"
_SHORT: tuple[tuple[tuple[str, ...], tuple[str, str]], ...] = (
    (
        ("mysql", "mariadb", "pass", "mongo", "cqlsh", "twine", "rabbit", "user"),
        (
            r"mysql\w*|mariadb[\w-]*|sshpass|mongo\w*|cqlsh|twine|rabbitmqadmin|user(?:add|mod)|cypher-shell",
            "-p",
        ),
    ),
    (
        ("login",),
        (r"[\w-]{1,20}\b[^|;\n]{0,40}?\slogin", "-p"),
    ),
    (
        ("redis-", "valkey-", "keydb-", "http", "xh"),
        (r"(?:redis|valkey|keydb)-\w{1,20}|https?(?=\s)|xhs?", "-a"),
    ),
    (("passwd",), (r"(?:ldap|smb)passwd", "-[as]")),
    (
        ("sqlcmd", "bcp", "zip", "mosquitto", "ipmitool", "sql"),
        (r"sqlcmd|bcp|(?:un)?zip|mosquitto_\w+|ipmitool|isql|tsql", "-P"),
    ),
    (("ldap",), (r"ldap(?:search|modify|add|delete|passwd|whoami)", "-w")),
    (("openssl",), (r"openssl\s+\S{1,30}", "-(?:[kK]|hmac)")),
    (("snmp",), (r"snmp\w+", "-[cA]")),
    (("snmp",), (r"snmp\w+", "-X")),
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
    r"(?=[\"']?\s*\|\s*(?:sudo\s+(?:-\w+\s+){0,3}-\w*S\b|(?:sudo\s+)?(?:(?:ch|smb)?passwd|kinit|cryptsetup|su)\b"
    r"|(?:sudo\s+)?[\w.-]+\s[^|]{0,200}?--?[\w-]*(?:stdin|fd)\b))",
    rf"(password-command[= ]\s*[\"']?echo\s+)({_VALUE})",
    r"(\bsqlplus\s+(?:-\w+\s+){0,3}[\w$]{1,40}/)([^\s@\"']{1,200})",
    rf"((?<![\w-])\"?AUTH\"?\s+(?:\"?[\w.-]{{1,40}}\"?\s+)?)({_VALUE})(?=\s*$)",
    rf"(\b(?:config|set)\s{_WITHIN}http-basic\.[\w.-]{{1,80}}\s+\S{{1,64}}\s+)({_VALUE})",
    rf"(\b(?:rclone\s+obscure|mkpasswd|openssl\s+passwd)(?:\s+-[\w-]{{1,20}}"
    rf"(?:[ =](?:sha\S{{0,8}}|md5|\w{{0,4}}crypt))?){{0,4}}\s+)(?!-)({_VALUE})(?=\s*$)",
    rf"(\b(?:mosquitto_passwd|saslpasswd2)\s{_WITHIN}-b\s+\S{{1,200}}\s+\S{{1,64}}\s+)({_VALUE})(?=\s*$)",
    rf"(\bisql\s+\S{{1,64}}\s+\S{{1,64}}\s+)(?!-)({_VALUE})",
    rf"(\bsnmp-server\s+community\s+)({_VALUE})",
    r"(\bstats\s+auth\s+[\w.@-]{1,64}:)(\S{1,200})",
    r"((?i:\buser|\bsetuser)\s+\S{1,64}\s(?:[\w~+*&@-]{1,40}\s){0,6}[>#])([^\s>]{3,200})",
    rf"(\b(?:config|secret)\s+set\s+--secret\s+\S{{1,64}}\s+)({_VALUE})",
    rf"(\b(?i:\w{{0,30}}(?:pass|auth|login|token|secret|kinit|cryptsetup|createuser|openssl|sudo -S)\w{{0,30}})\b"
    rf"[^|;\n]{{0,200}}?<<<\s*)({_VALUE})",
    r"(\.(?i:auth|authenticate|login|set_?password|with_?token)\(\s?[\"'])([^\"'\n]{1,400})(?=[\"']\s?\))",
    r"((?:\b|(?<=\\[rn]))AUTH(?:\\{1,2}r\\{1,2}n|\s)\$\d{1,4}(?:\\{1,2}r\\{1,2}n|\s))([^\s\\]{1,400})",
    rf"((?<![\w-])LOGIN\s+\S{{1,64}}\s+)({_VALUE})(?=\s*$)",
    r"((?i:\bbasic auth)\s+[\w.@-]{1,64}:)([^\s\"']{1,400})",
    r"((?i:\blog(?:in|on))\s+[\w.-]{1,64}/)([^\s\"'/]{1,400})(?=\s*$)",
    r"(\b(?:log(?:in|on)|auth\w*|connect)\(\s?[\"'][\w.@-]{1,64}[\"'],\s?[\"'])([^\"'\n]{1,400})",
    rf"(\b_authToken\s+)({_VALUE})",
    rf"(\bexpect\b{_WITHIN}\bsend\s+[\"'])([^\"']{{1,400}})",
    r"(\bsend\s+--\s+[\"'])([^\"']{1,400})",
)


_OPTION = deferred(r"(?<![\w-])-{1,2}\w")
Known = tuple[tuple[str, ...], re.Pattern[str], str]
"""Words of which one must be in a text, the pattern, and what is written instead."""


def _known() -> tuple[Known, ...]:
    keep = rf"\1{SECRET}"
    start = r"(?<![\w.-])"
    attached = deferred(
        rf"({start}(?:{_ATTACHED})\b{_WITHIN}{_GAP}{_OPENED}-p)(?!<secret>|\\{{0,3}}[\"'],)({_VALUE})"
    )
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
_HINTS += (
    "auth",
    "expect",
    "send",
    "login",
    "logon",
    "<<<",
    "http-basic",
    "rclone",
    "passwd",
    "isql",
    "snmp",
    "user ",
)
_HINTS += ("set --secret", "with_token", "withtoken", "password(")


def commands(text: str) -> str:
    """The text without them."""
    low = text.lower()
    if _OPTION.search(text) or "/u:" in text:
        text = _PASSED.sub(rf"\1{SECRET}", text)
        text = _LONG.sub(rf"\1{SECRET}", text)
        for words, pattern, instead in _KNOWN:
            if any(word in low for word in words):
                text = pattern.sub(instead, text)
        text = _REFUSED.sub(_unless_masked, text)
        text = _GIVEN.sub(_unless_masked, text)
        text = _AFTER_USER.sub(rf"\1{SECRET}", text)
        text = _CREDENTIALS.sub(rf"\1{SECRET}", text)
        text = _ARCHIVE.sub(rf"\1{SECRET}", text)
        text = _USER.sub(rf"\1{SECRET}", text)
    if any(hint in low for hint in _HINTS):
        for pattern in _AT_A_PLACE:
            text = pattern.sub(_unless_masked, text)
    return text


def _unless_masked(found: re.Match[str]) -> str:
    return found[0] if SECRET in found[2] else f"{found[1]}{SECRET}"
