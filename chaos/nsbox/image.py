"""The files of a user's image, below our own root: what of the container they share, and how a command runs in them.

The image lies in ROOT as its makers left it. It shares the container's processes, network and control groups, its
/proc, /dev, /sys and /tmp (which has a size), and the files that name resolution reads. Mounts made over those files
later show there, too: both places are one peer group (mount_namespaces(7)).
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from chaos.nsbox import kernel
from chaos.nsbox.spec import IMAGE_ROOT as ROOT

_MS_SHARED = 1 << 20
_SHARED_TREES = ("proc", "dev", "sys", "tmp")
_SHARED_FILES = ("etc/hosts", "etc/resolv.conf")
_TOLD = Path("/run/chaoslab/image.json")
"""Root's alone: what is on a command line ends in journals, and an image's environment may hold secrets."""
_ENTER = """
import ctypes, json, os, sys
with open(sys.argv[1]) as file:
    told = json.load(file)
root, at = told["root"], os.getcwd()
env = told["env"] | {name: value for name, value in os.environ.items() if told["ours"].get(name) != value}
for number in told["drop"]:
    ctypes.CDLL(None).prctl(24, number, 0, 0, 0)
try:
    os.chroot(root)
    os.chdir(at[len(root):] or "/" if (at + "/").startswith(root + "/") else told["workdir"])
    os.setgroups(told["groups"])
    os.setgid(told["gid"])
    os.setuid(told["uid"])
    os.execvpe(sys.argv[2], sys.argv[2:], env)
except OSError as error:
    sys.stderr.write(f"cannot run {sys.argv[2]}: {error.strerror}\\n")
    sys.exit(127)
"""
"""PR_CAPBSET_DROP is 24; 127 is what a shell says of a command that cannot be run."""


class ImageConfig(NamedTuple):
    """What an image says of how its command runs."""

    env: Mapping[str, str]
    workdir: str
    user: str


class Identity(NamedTuple):
    """Who a command runs as."""

    uid: int
    gid: int
    groups: Sequence[int]
    home: str


def share() -> None:
    """Show the container's trees and files in the image's. Raises OSError."""
    kernel.mount(
        ROOT, ROOT, None, kernel.MS_BIND | kernel.MS_REC
    )  # or the read-only root would hold for it, too
    for name in _SHARED_TREES:
        place = _place(name)
        place.mkdir(parents=True, exist_ok=True)
        kernel.mount(f"/{name}", str(place), None, kernel.MS_BIND | kernel.MS_REC)
    for name in _SHARED_FILES:
        place = _place(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        source = f"/{name}"
        kernel.mount(source, source, None, kernel.MS_BIND)
        kernel.mount(None, source, None, _MS_SHARED)
        kernel.mount(source, str(place), None, kernel.MS_BIND)


def _place(name: str) -> Path:
    """Where that is in the image, whose links may be absolute: then they mean the image's own root."""
    place = Path(ROOT)
    for part in name.split("/"):
        step = place / part
        if step.is_symlink():
            aim = os.readlink(step)
            step = Path(
                ROOT + os.path.normpath(aim) if aim.startswith("/") else os.path.normpath(place / aim)
            )
            if not step.is_relative_to(ROOT):
                raise OSError(40, "a link leads out of the image", f"/{name}")
        place = step
    return place


def entering(config: ImageConfig, ours: Mapping[str, str], drop: Sequence[int]) -> list[str]:
    """What goes before a command that is to run in the image. Raises OSError when its user is unknown.

    `ours` is the environment of PID 1's children, which is not the image's; `drop` are capabilities to be without.
    """
    who = identity(config.user)
    told = {
        "root": ROOT,
        "env": {"HOME": who.home, **config.env},
        "ours": dict(ours),
        "workdir": config.workdir,
        "drop": list(drop),
        "uid": who.uid,
        "gid": who.gid,
        "groups": list(who.groups),
    }
    _TOLD.touch(mode=0o600)
    _TOLD.write_text(json.dumps(told))
    return [sys.executable, "-I", "-S", "-c", _ENTER, str(_TOLD)]


def identity(user: str, root: str = ROOT) -> Identity:
    """Who `USER`, `USER:GROUP`, `UID` or `UID:GID` is, by the image's own passwd(5) and group(5). Raises OSError."""
    name, _, group = user.partition(":")
    users = {line[0]: line for line in _table(root, "passwd", 7)}
    by_number = {line[2]: line for line in users.values()}
    found = users.get(name or "root") or by_number.get(name or "0")
    if found is None and not name.isdigit() and name:
        raise OSError(2, f"no user {name!r} in the image", f"{root}/etc/passwd")
    uid, gid, home = (int(found[2]), int(found[3]), found[5]) if found else (int(name or 0), 0, "/")
    groups = _table(root, "group", 4)
    if group:
        numbers = {line[0]: int(line[2]) for line in groups}
        if group not in numbers and not group.isdigit():
            raise OSError(2, f"no group {group!r} in the image", f"{root}/etc/group")
        return Identity(uid, numbers[group] if group in numbers else int(group), (), home)
    more = [int(line[2]) for line in groups if found and found[0] in line[3].split(",")]
    return Identity(uid, gid, sorted({gid, *more}), home)


def _table(root: str, name: str, columns: int) -> list[list[str]]:
    try:
        lines = Path(root, "etc", name).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [fields for fields in (line.split(":") for line in lines) if len(fields) >= columns]


def plain_config(value: Mapping[str, Any] | None) -> ImageConfig | None:
    """From JSON."""
    return ImageConfig(**value) if value else None
