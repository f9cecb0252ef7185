"""Converter of gitleaks' rules: its configuration (TOML, expressions of Go's RE2) -> a table with Python's expressions.

    python scripts/vendor_patterns.py gitleaks.toml COMMIT > chaos/text/detectors/gitleaks.tsv

Left out are rules for paths alone, rules that hold in files of a kind only, and those for which we have forms of our
own (command lines of curl, names of secrets beside their values, private keys).
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

OURS = frozenset({"curl-auth-header", "curl-auth-user", "generic-api-key", "private-key"})
_NAME_BEFORE = re.compile(r"^(\(\?i\))?\[\\w\.-\]\{0,50\}\?")
_SWITCH = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?i\)|\(|\)|\|", re.DOTALL)
HEAD = """\
# Patterns of vendors' keys and tokens, from gitleaks (https://github.com/gitleaks/gitleaks), config/gitleaks.toml at
# commit {commit}. MIT License, Copyright (c) 2019 Zachary Rice; its text is in LICENSE.gitleaks.
# Made by scripts/vendor_patterns.py. Columns: rule, words of which one must be there, least bits a sign, expression."""


def main() -> None:
    """The table on standard output."""
    rules = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["rules"]
    print(HEAD.format(commit=sys.argv[2]))
    for rule in rules:
        if "regex" in rule and "path" not in rule and rule["id"] not in OURS:
            print("\t".join(row(rule)))


def row(rule: dict[str, Any]) -> tuple[str, str, str, str]:
    """One line of the table. Raises re.error when the expression is none of Python's."""
    found = python(rule["regex"])
    re.compile(found)
    if "\t" in found or "\n" in found:
        raise ValueError(f"{rule['id']}: white space in the expression")
    return rule["id"], ",".join(rule.get("keywords") or ()), str(rule.get("entropy", 0)), found


def python(go: str) -> str:
    """The same in Python: flags in the middle get a group of their own, no name is looked for before."""
    text = _NAME_BEFORE.sub(
        lambda found: found[1] or "", go.replace(r"\z", r"\Z").replace("[:alnum:]", "a-zA-Z0-9")
    )
    head = "(?i)" if text.startswith("(?i)") else ""
    return head + _scoped(text[len(head) :])


def _scoped(text: str) -> str:
    made: list[str] = []
    open_groups = [0]
    """Of each group around, how many groups with a flag were begun in it."""
    at = 0
    for found in _SWITCH.finditer(text):
        made.append(text[at : found.start()])
        at, sign = found.end(), found[0]
        if sign == "(?i)":
            open_groups[-1] += 1
            sign = "(?i:"
        elif sign == "(":
            open_groups.append(0)
        elif sign == ")":
            sign = ")" * (open_groups.pop() + 1)
        elif sign == "|" and open_groups[-1]:
            raise ValueError(f"an alternative behind a flag: {text}")
        made.append(sign)
    return "".join([*made, text[at:], ")" * open_groups.pop()])


if __name__ == "__main__":
    main()
