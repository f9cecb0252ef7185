"""A user's image beside our agent: one image made of both, once for each pair, and what the user's says of itself.

Our base is the root, with its Python; the user's files lie below `/image`, just as they are. So an image without a
Python, a shell, or anything but one program can be a target. The engine copies between images by itself: nothing runs.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.errors import SandboxError, SandboxRefused
from chaos.namespaces.spec import IMAGE_ROOT
from chaos.sandboxes.container.engine import Engine

LABEL = "chaoslab.image"
"""On what we made; its value is the user's image."""
_BUILDS_WITHIN_S = 900.0


@dataclass(frozen=True)
class Beside:
    """The image of both, and how the user's wants its command to run."""

    together: str
    env: Mapping[str, str]
    workdir: str
    user: str
    command: Sequence[str]
    """Entrypoint and command, for a process of the manifest that names none."""

    def config(self) -> dict[str, Any]:
        """For PID 1, as JSON."""
        return {"env": dict(self.env), "workdir": self.workdir, "user": self.user}


async def beside(engine: Engine, base: str, image: str) -> Beside:
    """Make the image of both unless it is there. Raises SandboxError."""
    identities = []
    for name in (base, image):
        if not await engine.has_image(name):
            await engine.pull(name)
        identities.append(await engine.image(name))
    ours, users = identities
    if ours["Architecture"] != users["Architecture"]:
        raise SandboxRefused(f"{image} is for {users['Architecture']}, {base} for {ours['Architecture']}")
    key = hashlib.sha256(f"{ours['Id']} {users['Id']}".encode()).hexdigest()[:16]
    together = f"localhost/chaoslab-image:{key}"
    if not await engine.has_image(together):
        await _make(engine, together, base, image)
    config = users["Config"] or {}
    env = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
    command = [*_words(config.get("Entrypoint")), *_words(config.get("Cmd"))]
    return Beside(together, env, config.get("WorkingDir") or "/", config.get("User") or "", command)


def _words(value: str | Sequence[str] | None) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or []


async def _make(engine: Engine, together: str, base: str, image: str) -> None:
    recipe = f"FROM {image} AS app\nFROM {base}\nUSER 0:0\nCOPY --from=app / {IMAGE_ROOT}/\n"
    with tempfile.TemporaryDirectory(prefix="chaoslab-build-") as folder:
        file, context = Path(folder, "Containerfile"), Path(folder, "context")
        file.write_text(recipe)
        context.mkdir()
        build = ["build", "--pull=false", f"--tag={together}", f"--label={LABEL}={image}", f"--file={file}"]
        try:
            await engine.call(*build, str(context), timeout_s=_BUILDS_WITHIN_S)
        except SandboxError as error:
            raise SandboxError(f"cannot put {image} beside {base}: {error}") from error
