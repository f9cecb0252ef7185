"""Accounts of a sandbox: who a user name or id is, by passwd(5) and group(5), and entries for those who have none."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_MOST_BYTES = 2**20
_FIRST_FREE = 1000
"""Where ids of people begin (login.defs(5))."""


class Account(NamedTuple):
    """Who a command runs as."""

    uid: int
    gid: int
    groups: Sequence[int]
    home: str


def account(user: str, root: str = "") -> Account:
    """Who `USER`, `USER:GROUP`, `UID` or `UID:GID` is, by the tables below `root`. Raises OSError when unknown."""
    name, _, group = user.partition(":")
    users = {line[0]: line for line in _table(root, "passwd", 7)}
    by_number = {line[2]: line for line in users.values()}
    found = users.get(name or "root") or by_number.get(name or "0")
    if found is None and not name.isdigit() and name:
        raise OSError(2, f"no user {name!r}", f"{root}/etc/passwd")
    uid, gid, home = (int(found[2]), int(found[3]), found[5]) if found else (int(name or 0), 0, "/")
    groups = _table(root, "group", 4)
    if group:
        numbers = {line[0]: int(line[2]) for line in groups}
        if group not in numbers and not group.isdigit():
            raise OSError(2, f"no group {group!r}", f"{root}/etc/group")
        return Account(uid, numbers[group] if group in numbers else int(group), (), home)
    more = [int(line[2]) for line in groups if found and found[0] in line[3].split(",")]
    return Account(uid, gid, sorted({gid, *more}), home)


def with_entries(passwd: str, group: str, users: Sequence[str], home: str) -> tuple[str, str]:
    """Both tables with an entry for each user (`NAME`, `UID`, either with `:GROUP`) that they lack. Pure.

    A name gets the next free id from 1000 on, an id the name `userID`.
    """
    uids = {int(line.split(":")[2]) for line in passwd.splitlines() if line.count(":") == 6}
    names = {line.split(":")[0] for line in passwd.splitlines()}
    for user in dict.fromkeys(each.partition(":")[0] for each in users if each):
        if user in names or (user.isdigit() and int(user) in uids):
            continue
        uid = int(user) if user.isdigit() else max(_FIRST_FREE, *(u + 1 for u in uids if u < 60000))
        name = f"user{user}" if user.isdigit() else user
        passwd = _ended(passwd) + f"{name}:x:{uid}:{uid}:{name}:{home}:/bin/sh\n"
        group = _ended(group) + f"{name}:x:{uid}:\n"
        names.add(name)
        uids.add(uid)
    return passwd, group


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _text(path: Path) -> str:
    """At most a MiB of a plain file, which the app may have put there: of anything else nothing, and no waiting."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return (
            os.read(file, _MOST_BYTES).decode(errors="replace")
            if stat.S_ISREG(os.fstat(file).st_mode)
            else ""
        )
    finally:
        os.close(file)


def _table(root: str, name: str, columns: int) -> list[list[str]]:
    lines = _text(Path(root or "/", "etc", name)).splitlines()
    return [fields for fields in (line.split(":") for line in lines) if len(fields) >= columns]
