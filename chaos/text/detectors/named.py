"""Values beside a name that says secret: `password=…`, `"apiKey": "…"`, `the password is …`, `api key …`.

What joins the two says how sure it is: behind `=` anything is a value, behind a colon or a verb any word that is no
common one of prose (`words.txt`), behind a blank the same, and for names that mean other things, too, only what no
one would write as a word.
"""

import re
from functools import cache

from chaos.text.deferred import deferred
from chaos.text.detectors.masks import BARE, QUOTE, QUOTED, SECRET, table
from chaos.text.secrecy import ONLY_ABOUT, SWITCH

_SURE = (
    r"(?:api|access|account|private|signing|encryption|master|licen[cs]e|storage|session|shared|subscription|"
    r"sharedaccess|service|secret|security|deploy|auth|"
    r"decryption|recovery|hmac|functions|admin|unseal|fernet)[ _-]?key|"
    r"passw(?:or[dt]|d)|passwd|passphrase|passcode|pwd|"
    r"secret|token|credentials?|authorization|kennwort|contraseña|mot de passe|senha|wachtwoord|пароль|密码|"
    r"session[ _-]?id|sessid|community[ _-]?string|"
    r"clave|hasło|parola|salasana|lösenord|heslo|şifre|adgangskode|jelszó|лозинка|パスワード|비밀번호|口令|"
    r"(?:otp|one-time|2fa|mfa|verification|recovery|backup|security|activation|unlock|pairing|access|confirmation|login)"
    r"[ _-]code|"
    r"bindpw|rootpw|requirepass|masterauth|signature|dbpass|sqlpass|[cx]srf"
)
_OFTEN = r"pass|pw|pin|psk|otp|salt|auth|sid|sig|jwt|hmac|cookie|session"
_NAME = deferred(
    rf"(?P<root>(?i:{_SURE})|(?<![A-Za-z])(?i:{_OFTEN})(?![A-Za-z])|(?<=[a-z])(?:Pass|Pw|Pin|Auth|Sig|Psk|Otp)(?![a-z])"
    r"|(?<=[A-Z]_)(?<!PUBLIC_)(?<!PRIMARY_)(?<!FOREIGN_)(?<!CACHE_)(?<!SORT_)(?<!PARTITION_)(?<!ROUTING_)KEY(?=\s?=)"
    r"|client-key-data(?=:)|(?<=-)encrypt(?==)|(?<=[A-Z])(?<!BY)(?<!COM)(?<!SUR)(?:PASS|PSWD)(?=\s?=))"
    r"(?P<tail>(?!-----)[sS]?(?![a-z])[\w.-]{0,40}?(?=[^\w.-]|[.-]?$|\.\s))"
)
_OF_WHOM = r"(?:\s+(?i:for|of)\s+(?:(?:the\s+)?user\s+)?[\w.@%'\"`-]{1,60})?"
_SOME = r"(?:\s|\\t){0,3}"
_WRAPPED = r"(?:[bBuUrRfF]{1,2}(?=[\"'])|[A-Za-z_]\w{0,20}\((?=[bu]?[\"'])[bu]?|<(?!secret>)(?=[^\s<>]+>))?"
"""`b'…'`, `Some("…")`, `<…>`."""
_ESCAPED = r"&\#0?61;|&\#[xX]3[dD];|&equals;|\\u003[dD]"
_LINK = deferred(
    rf"{QUOTE}?(?:[\])](?=\s?(?:[=:]|->))|\s?[\[(]\w{{0,20}}[\])](?=\s?[=:]))?(?:(?P<list>{_SOME}(?:=>|[:=]){_SOME}\[(?=[^\]\n]))"
    rf"|(?P<map>(?:(?<=[a-z]s)|(?<=[a-z]s[\"'])){_SOME}(?:=>|[:=]){_SOME}\{{(?=[^}}\n]))"
    rf"|(?P<call>=?\(\s?{QUOTE}[\w.@-]{{1,64}}{QUOTE},\s?(?={QUOTE}))"
    rf"|(?P<equals>{_SOME}(?:\s(?:string|str|String|text)\s)?(?:=>|->|:=|\\{{1,2}}[=:]|={{1,2}}|%3[Dd]|{_ESCAPED}|[|;](?=[^\s|;])){_SOME}"
    rf"(?:PASSWORD\(|string\(\d+\)\s)?{_WRAPPED})"
    rf"|(?P<value>{_SOME}[:,=]?{_SOME}\{{?{_SOME}{QUOTE}?(?i:value|content|data){QUOTE}?{_SOME}[:=]{_SOME})"
    r"|(?P<element>(?:\s+[\w:.-]{1,40}=[\"'][^<>\n]{0,80})?>)"
    rf"|(?P<listed>(?<=[\"'`]){_SOME},{_SOME}(?=[\"'`]))"
    rf"|(?P<of>{_OF_WHOM}{_SOME}={_SOME}(?:PASSWORD\()?)"
    rf"|(?P<colon>{_OF_WHOM}(?:(?:\s+(?:is|was|has been|will be))?(?:\s+now)?\s+"
    rf"(?:set|changed|reset|updated|rotated)\s+(?:to|from)\s+|{_SOME}(?::|%3[Aa]|&\#0?58;){_SOME}"
    rf"|(?:\s+value)?\s+(?:is|was|were|are|equals|ist|est|es)\b\s*:?{_SOME}|\s+value\s+)"
    r"(?:!!str\s+|[|>][+-]?\d?\s+)?"
    rf"{_WRAPPED})"
    r"|(?P<bracket>\s?[\[(<])|(?P<to>\s+(?:to|from)\s+)|(?P<blank>(?:\s|\\t){1,20}))"
)
_TOLD = deferred(r"(?P<told>(?:\s[\w@.'%-]{1,40}){1,5}:\s(?:expected\s|got\s)?(?=\S+$|\"[^\"]*\"$|'[^']*'$))")
"""`password supplied: …`, where the value is the last on its line."""
_VALUE = deferred(rf"{QUOTED}|(?P<bare>{BARE}{{1,2000}})")
_WHOLE = {
    "element": deferred(r"(?P<bare>[^<\n]{1,2000})"),
    "map": deferred(r"(?P<bare>[^}\n]{1,2000})"),
    "list": deferred(r"(?P<bare>[^\]\n]{1,2000})"),
}
"""Values that go as far as what encloses them."""
_ABOUT_ONE = re.compile(
    r"[\"'`]?\s{1,3}(?:is |was |does |has )?(?:not |been )?(?:found|exist|missing|created|deleted|mounted|known)"
)
_PAIR = deferred(r"[\w.-]{1,40}\s/\s\S{1,200}")
_CODE = re.compile(r"(?i)(?:unexpected|syntax|illegal|next|end of|start)\s+$")
_REFERENCE = re.compile(r"\$[\w({]|%[A-Za-z_]\w*%|<secret>|\[(?:masked|secret)")
_VARIABLE = re.compile(r"[$%]\{?[A-Za-z_]{0,59}\Z")
"""What is before a name in `$DB_PASSWORD`."""
_LIST = re.compile(r"(?:[\[({]|^)\s?b?[\"'`][\w.-]*$")
_HINTS = (
    *(
        "pass",
        "pw",
        "pin",
        "psk",
        "pswd",
        "otp",
        "salt",
        "auth",
        "sid",
        "sig",
        "jwt",
        "hmac",
        "cookie",
        "session",
        "sess",
    ),
    *(
        "key",
        "token",
        "secret",
        "cred",
        "csrf",
        "xsrf",
        "code",
        "community",
        "master",
        "encrypt",
        "kennwort",
        "contraseña",
    ),
    *(
        "mot ",
        "senha",
        "wachtwoord",
        "пароль",
        "лозинка",
        "密码",
        "口令",
        "clave",
        "hasło",
        "parola",
        "salasana",
        "lösenord",
    ),
    *("heslo", "şifre", "adgangskode", "jelszó", "パスワード", "비밀번호"),
)
"""One of which is in every name, in small letters."""
_GOES_ON = re.compile(r",?\s[a-z]+\b")
"""A sentence does, behind what may be a word of it."""
_CHANGED = re.compile(r"(?i)\b(?:chang|set|reset|updat|rotat)\w*\s")
_FOLDER = re.compile(r"[/~.]|[A-Za-z]:\\")


@cache
def _prose() -> frozenset[str]:
    return frozenset(word for line in table("words.txt") for word in line.split())


def named(text: str) -> str:
    """The text without values that have such a name."""
    low = text.lower()
    if not any(hint in low for hint in _HINTS):
        return text
    made: list[str] = []
    at = 0
    for found in _NAME.finditer(text):
        is_ours = text[found.start() - 1 : found.end() + 1] == SECRET
        is_ours = is_ours or _VARIABLE.search(text, max(0, found.start() - 60), found.start()) is not None
        if found.start() >= at and not is_ours and (span := _value(text, found)):
            made += (text[at : span[0]], SECRET)
            at = span[1]
    return "".join([*made, text[at:]])


def _value(text: str, name: re.Match[str]) -> tuple[int, int] | None:
    """Where its value is; None when it has none, or only speaks of one."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name["tail"])
    if words and words[-1].upper() in ONLY_ABOUT:
        return None
    links = (_LINK.match(text, name.end()), _TOLD.match(text, name.end()))
    return next((span for link in links if link and (span := _behind(text, name, link))), None)


def _behind(text: str, name: re.Match[str], link: re.Match[str]) -> tuple[int, int] | None:
    kind = link.lastgroup or ""
    found = _WHOLE.get(kind, _VALUE).match(text, link.end())
    if found is None or _REFERENCE.match(text, link.end()):
        return None
    if found["bare"] is None:
        start, end = found.span("in")
    else:
        start, end = found.span("bare")
        end = max(end, _end_of_quotes(text, name, start)) if kind == "equals" else end
        if name["root"].lower().startswith("credential") and (pair := _PAIR.match(text, start)):
            end = pair.end()
        end -= len(text[start:end]) - len(text[start:end].rstrip(".:")) if kind != "equals" else 0
    return (start, end) if _is_one(name, kind, found, (start, end)) else None


def _end_of_quotes(text: str, name: re.Match[str], start: int) -> int:
    """Where quotes end that were opened before a name: `'db_password=two words'`; 0 when there are none."""
    begin = name.start()
    while begin and (text[begin - 1].isalnum() or text[begin - 1] in "_.-") and name.start() - begin < 60:
        begin -= 1
    mark = text[begin - 1] if begin else ""
    return text.find(mark, start) if mark and mark in "\"'`" else 0


def _is_one(name: re.Match[str], kind: str, found: re.Match[str], span: tuple[int, int]) -> bool:
    """Whether a value is one, by what stands between it and its name."""
    text, value, root = name.string, name.string[slice(*span)], name["root"].lower()
    counted = name["tail"][:1] in ("s", "S") and re.fullmatch(r"[\d\s.,]+", value)
    says_nothing = not value.strip() or SWITCH.fullmatch(value.strip())
    if says_nothing or counted or (root == "pwd" and _FOLDER.match(value)):
        return False
    before = text[max(0, name.start() - 40) : name.start()]
    match kind:
        case "equals" | "value" | "of" | "list" | "map" | "call":
            return True
        case "listed":
            return bool(_LIST.search(before))
        case "element":
            return "<" in before
    if _CODE.search(before):
        return False
    return _is_said(name, kind, value, quoted=found["bare"] is None, behind=text[span[1] : span[1] + 60])


def _is_said(name: re.Match[str], kind: str, value: str, *, quoted: bool, behind: str) -> bool:
    """Whether prose gives a value."""
    root = name["root"].lower()
    sure = bool(re.search(_SURE, name[0], re.IGNORECASE)) or root in ("pass", "pw", "pin", "psk")
    sure = sure or name["tail"].lower().endswith(("_pass", "_pw", "_pwd"))
    if kind == "colon":
        return (quoted or not _is_word(value)) and (len(value) > 1 or value.isalnum())
    if kind == "to":
        changed = _CHANGED.search(name.string[max(0, name.start() - 60) : name.start()])
        return changed is not None and not _is_word(value)
    if kind == "told":
        return root.startswith(("pass", "api", "token")) and not _is_word(value)
    if kind == "blank" and value.startswith("-"):
        return False
    if (
        name[0].lower().endswith(("secret", "token"))
        and value.islower()
        and value.isalpha()
        and _GOES_ON.match(behind)
    ):
        return False
    if kind == "blank" and (quoted or not sure or root == "signature"):
        is_said = sure and quoted and len(value) >= 2 and not _is_word(value)
        return (is_said and not _ABOUT_ONE.match(behind)) or _is_no_word(value)
    return sure and (len(value) >= 4 or not value.isdigit()) and not _is_word(value)


def _is_word(value: str) -> bool:
    plain = value.strip(".,;:!?()[]'\"").lower()
    return plain in _prose() or bool(re.fullmatch(r"[\W\d]{0,3}", plain))


def _is_no_word(value: str) -> bool:
    """Letters and digits mixed, as nobody writes a word."""
    return len(value) >= 8 and bool(re.search(r"\d", value)) and bool(re.search(r"[A-Za-z]", value))
