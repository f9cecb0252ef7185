"""The files of a user's image, below our own root, and what of the container they share.

The image lies in ROOT as its makers left it. It shares the container's processes, network and control groups, its
/proc, /dev, /sys and /tmp (which has a size), and the files that name resolution reads. Mounts made over those files
later show there, too: both places are one peer group (mount_namespaces(7)).
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chaos.namespaces import kernel
from chaos.namespaces.spec import IMAGE_ROOT as ROOT

_MS_SHARED = 1 << 20
_TOLD = Path("/run/chaoslab/image.json")
"""Root's alone: what a sandbox's reference says ends in journals, and an image's environment may hold secrets."""
_SHARED_TREES = ("proc", "dev", "sys", "tmp")
_SHARED_FILES = ("etc/hosts", "etc/resolv.conf")


class ImageConfig(NamedTuple):
    """What an image says of how its command runs."""

    env: Mapping[str, str]
    workdir: str
    user: str


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


def tell(config: ImageConfig) -> str:
    """Write it where the agent finds it; where that is."""
    _TOLD.touch(mode=0o600)
    _TOLD.write_text(json.dumps(config._asdict()))
    return str(_TOLD)


def plain_config(value: Mapping[str, Any] | None) -> ImageConfig | None:
    """From JSON."""
    return ImageConfig(**value) if value else None
