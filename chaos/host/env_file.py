"""A file of settings, `NAME=value` a line: whether a `.env` that lies about is the user's own, and what of it counts.

Whoever runs a stranger's checkout stands in it. So the `.env` of the current directory counts only when git does not
track it and nobody but the user can have written it, and even then it names no program, and no place to send things to
while a key comes from elsewhere. `CHAOSLAB_ENV_FILE` names a file on purpose: it counts whole, as if it were exported.
"""

import grp
import io
import os
import pwd
import shlex
import stat
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from dotenv import dotenv_values

from chaos.host.tracked import UntoldError, repositories, tracked

NAME = ".env"
NAMED_BY = "CHAOSLAB_ENV_FILE"
MOST_BYTES = 64 * 1024
ENGINES = frozenset({"docker", "podman"})
"""Programs that a file may name which nobody named on purpose, by name alone: PATH, which is the user's, has them."""


class EnvFileError(ValueError):
    """The file that was named on purpose cannot be read."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the names mean; in capitals."""

    keys: Set[str]
    """Secrets that let somebody in."""
    places: Set[str]
    """Programs, addresses and folders: what a key goes to, what is run, where things are kept."""
    folders: Set[str]
    engine: str
    known: Set[str]
    """All that a file may set."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """What counts of a file, and one sentence about what does not."""

    values: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""
    whole: bool = False
    """It was named on purpose."""


def in_force(rules: Rules, environment: Mapping[str, str]) -> EnvFile:
    """The file that was named, else the `.env` of the current directory as far as it counts. Raises EnvFileError."""
    if named := environment.get(NAMED_BY):
        return EnvFile(_named(Path(named)), whole=True)
    try:
        path = Path.cwd() / NAME
        link = path.lstat()
        about = path.stat()
    except OSError:  # there is none, or a link that leads nowhere
        return EnvFile()
    if stat.S_ISDIR(about.st_mode):  # some call a virtual environment that
        return EnvFile()
    mark = (about.st_dev, about.st_ino, about.st_mtime_ns, about.st_ctime_ns, about.st_size, link.st_ino)
    found, why = _judged(path, mark)
    wanted = {name: value for name, value in found.items() if _is_wanted(name, value, rules, environment)}
    if not wanted and (found or not why):
        return EnvFile()
    if why:
        return EnvFile(remark=f"{_shown(path)} is not obeyed: {why}; {_remedy(path)}")
    left = {name: why for name in wanted if (why := _left(name, found, path, rules, environment))}
    counts = {name: value for name, value in wanted.items() if name not in left}
    if not left:
        return EnvFile(counts)
    because = ", and ".join(dict.fromkeys(left.values()))
    return EnvFile(
        counts, f"{_shown(path)}: {', '.join(sorted(left))} not taken from it: {because}; {_remedy(path)}"
    )


def _named(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise EnvFileError(f"{NAMED_BY}: {_shown(path)}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EnvFileError(f"{NAMED_BY}: {_shown(path)}: is not UTF-8 text") from error
    if len(data) > MOST_BYTES:
        raise EnvFileError(f"{NAMED_BY}: {_shown(path)}: larger than {MOST_BYTES // 1024} KiB")
    return _parsed(text, interpolate=True)


def _parsed(text: str, *, interpolate: bool) -> dict[str, str]:
    """A stranger's file is not interpolated: `http://theirs/${AWS_SECRET_ACCESS_KEY}` would carry a key along."""
    found = dotenv_values(stream=io.StringIO(text), interpolate=interpolate)
    return {name: value for name, value in found.items() if value}


@lru_cache(maxsize=8)
def _judged(path: Path, mark: tuple[int, ...]) -> tuple[dict[str, str], str]:
    """What the file says, its names in capitals, and why it does not count (empty: it does). `mark` tells versions."""
    try:
        if path.lstat().st_uid != os.geteuid():
            return _content(path)[0], "it belongs to somebody else"
        real = path.resolve(strict=True)
        found, why = _content(real)
        return found, why or _tracked(path, real)
    except (OSError, RuntimeError) as error:
        return {}, f"it cannot be read: {error}"


def _content(real: Path) -> tuple[dict[str, str], str]:
    """Of the very file that is looked at: between a look and opening it, another may have come."""
    descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            return {}, "it is no file"
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return {}, f"it is larger than {MOST_BYTES // 1024} KiB"
    text = data.decode(errors="replace")
    found = {name.upper(): value for name, value in _parsed(text, interpolate=False).items()}
    if about.st_uid != os.geteuid():
        return found, "it belongs to somebody else"
    if about.st_mode & stat.S_IWOTH or (about.st_mode & stat.S_IWGRP and not _own_group(about.st_gid)):
        return found, "others may write to it (chmod go-w)"
    return found, ""


def _own_group(gid: int) -> bool:
    """Whether it is the user's own group, of which nobody else is: many systems let that one write by default."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return gid == user.pw_gid and group.gr_name == user.pw_name and not set(group.gr_mem) - {user.pw_name}


def _tracked(path: Path, real: Path) -> str:
    """Why neither the file nor a link to it may count for git's sake."""
    try:
        for each in {path.parent.resolve() / path.name, real}:
            if tracked(each.parent, [each.name]):
                return "git tracks it, so it is the repository's, not yours"
    except UntoldError as error:
        return str(error)
    return ""


def _is_wanted(name: str, value: str, rules: Rules, environment: Mapping[str, str]) -> bool:
    """Whether it would change anything: the environment goes first."""
    return name in rules.known and bool(value) and not environment.get(name)


def _left(
    name: str, found: Mapping[str, str], path: Path, rules: Rules, environment: Mapping[str, str]
) -> str:
    """Why this one does not count; empty when it does."""
    if name not in rules.places:
        return ""
    if name == rules.engine and found[name] not in ENGINES:
        return f"a program that is not just {' or '.join(sorted(ENGINES))} must be named on purpose"
    if name in rules.folders and not _is_outside(Path(found[name]), path.parent.resolve()):
        return "a folder must be absolute, and outside of the repository"
    if elsewhere := sorted(_keys_elsewhere(name, found, rules, environment)):
        return (
            f"programs and addresses are not, while {elsewhere[0]} comes from elsewhere and would go to them"
        )
    return ""


def _is_outside(folder: Path, here: Path) -> bool:
    root = (repositories(here) or [here])[-1]
    return folder.is_absolute() and not folder.resolve().is_relative_to(root)


def _keys_elsewhere(
    name: str, found: Mapping[str, str], rules: Rules, environment: Mapping[str, str]
) -> Set[str]:
    """Keys that the file's author need not know: of the environment, and for Prefect's API of the user's profiles."""
    given = {key for key in rules.keys if environment.get(key) and environment[key] != found.get(key)}
    if name != "PREFECT_API_URL":
        return given
    return given | {key for key in ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING") if _in_profiles(key)}


def _in_profiles(name: str) -> bool:
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
    try:
        return (
            name.encode()
            in Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml").read_bytes()
        )
    except OSError:
        return False


def _shown(path: Path) -> str:
    return str(path) if str(path).isprintable() else ascii(str(path))


def _remedy(path: Path) -> str:
    return f"export what you want of it, or name it on purpose: {NAMED_BY}={shlex.quote(_shown(path))}"
