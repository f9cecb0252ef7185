"""Images, and what setup makes, as E2B templates: built once for each, and found again by a name of all they are of.

E2B takes from an image its files and its environment. Its entrypoint, command, user and working directory are left out,
so a manifest says the command. The tools are installed by the image's own package manager: an image without one, or
without a shell, cannot become a template. An app's setup runs at the end of the build, in /app, beside the files that
it reads.
"""

import hashlib
import os
import re
import shlex
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from chaos.errors import SandboxError, SandboxRefused
from chaos.runs.semaphore import seat
from chaos.sandboxes.e2b.account import Account
from chaos.sandboxes.e2b.errors import BuildFailed, patiently, told
from chaos.sandboxes.support.base import Setup
from chaos.sandboxes.support.runtime import runtime_dir

if TYPE_CHECKING:
    from chaos.settings import Settings

PREFIX = "chaoslab-"
"""Names of templates that are ours begin with it."""
TOOLS = """set -e
if command -v apt-get; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends iproute2 python3 util-linux
elif command -v apk; then apk add --no-cache iproute2 python3 util-linux
elif command -v dnf; then dnf install -y iproute python3 util-linux
elif command -v pacman; then pacman -Sy --noconfirm iproute2 python util-linux
else echo 'no apt-get, apk, dnf or pacman here: the agent needs Python 3.11 or later in the image' >&2; exit 1
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the agent needs Python 3.11 or later")'
"""
"""What the agent and its faults need in the machine."""
BASE = "base"
"""E2B's own template."""
_SETUP = "/tmp/chaoslab-setup.tar"
_UNPACK = f"tar -xf {_SETUP} -C /app && rm {_SETUP}"
_REQUEST_WITHIN_S = 60.0
_LAST_WORDS = 3
_MIB = 2**20
_BESIDE_MIB = 512
"""What a machine has beside the app's memory: for the disks, which are in memory, its kernel, and the agent."""


@dataclass(frozen=True)
class Recipe:
    """What a template is made from: an image, or another template, and a setup."""

    image: str | None
    memory_bytes: int
    template: str = BASE
    """What it begins with when there is no image."""
    setup: Setup | None = None

    def __str__(self) -> str:
        origin = self.image or f"'{self.template}'"
        return f"{origin}, set up" if self.setup else origin

    @property
    def memory_mib(self) -> int:
        """E2B's machines have whole MiB, an even number of them, and 128 or more."""
        return max(128, -(-self.memory_bytes // _MIB // 2) * 2)

    @property
    def name(self) -> str:
        """The same for the same origin, memory, tools and setup."""
        said = re.sub(r"[^a-z0-9]+", "-", (self.image or self.template).rpartition("/")[2].lower()).strip(
            "-"
        )[:30]
        whole = f"{self.image}\n{self.memory_mib}\n{TOOLS}"
        if self.setup:
            whole += f"\n{self.template}\n{_UNPACK}\n{self.setup.digest}"
        return f"{PREFIX}{said}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}"


async def ensure(recipe: Recipe, say: Callable[[str], None] = lambda _line: None) -> str:
    """The name of the template, built now unless it is there. Raises SandboxError, SandboxRefused.

    Of those on this machine that want the same one builds, and the others wait.
    """
    account = Account.of_settings()
    client = account.client()

    async def is_there() -> bool:
        with told("template", account.key):
            return bool(await client.AsyncTemplate.exists(recipe.name))

    if not await patiently(is_there):
        async with seat(runtime_dir() / f"{recipe.name}.turns", 1):  # nobody else on this machine builds it
            if not await patiently(is_there):
                await _build(account, client, recipe, say)
    return recipe.name


async def _build(account: Account, client: Any, recipe: Recipe, say: Callable[[str], None]) -> None:
    """Build it; of a build that fails the name does not stay, or the next run would take it for a template."""
    from chaos.settings import Settings

    login = login_of(recipe.image or "", Settings())
    last: deque[str] = deque(["it has none"], _LAST_WORDS)

    def hear(entry: Any) -> None:
        say(str(entry.message))
        if type(entry).__name__ == "LogEntry":  # and not the client's own "Build finished", of a failure, too
            last.append(str(entry.message))

    try:
        with (
            told(f"template of {recipe}", account.key, login.get("password", "")),
            TemporaryDirectory(prefix="chaoslab-") as folder,
        ):
            steps = _steps(client.AsyncTemplate(file_context_path=folder), recipe, login, Path(folder))
            await client.AsyncTemplate.build(
                steps, recipe.name, memory_mb=recipe.memory_mib + _BESIDE_MIB, on_build_logs=hear
            )
    except SandboxError as error:
        for each in await listed():
            if recipe.name in names_of(each):
                await remove(each["templateID"])
        if not isinstance(error, BuildFailed):
            raise
        remedy = _REMEDY_OF_SETUP if recipe.setup else _REMEDY_OF_IMAGE
        raise SandboxRefused(f"{error} (the last of its log: {' | '.join(last)}); {remedy}") from error


_REMEDY_OF_IMAGE = "an image becomes a template when E2B knows its distribution and it has a package manager"
_REMEDY_OF_SETUP = (
    "target.setup runs in the template, as root in /app; 'chaoslab template build MANIFEST' shows its log"
)


def _steps(empty: Any, recipe: Recipe, login: Mapping[str, str], folder: Path) -> Any:
    """What E2B is asked to do; what it is to copy is put into the folder."""
    if recipe.image is not None:
        steps = empty.from_image(recipe.image, **login).set_user("root").run_cmd(TOOLS)
    else:
        steps = empty.from_template(recipe.template).set_user("root")
    if recipe.setup is None:
        return steps
    steps = steps.run_cmd("mkdir -p /app")
    if recipe.setup.files:
        (folder / "setup.tar").write_bytes(recipe.setup.files)
        steps = steps.copy("setup.tar", _SETUP, user="root").run_cmd(_UNPACK)
    steps = steps.set_workdir("/app")
    for command in recipe.setup.commands:
        steps = steps.run_cmd(shlex.join(command))
    return steps


def login_of(image: str, settings: "Settings") -> dict[str, str]:
    """What E2B is to log in with to fetch it: the settings' login, for images of their registry only. Pure."""
    registry, user, password = (
        settings.chaoslab_registry,
        settings.chaoslab_registry_user,
        settings.chaoslab_registry_password,
    )
    if not (registry and user and password) or image.partition("/")[0] != registry:
        return {}
    return {"username": user, "password": password.get_secret_value()}


async def listed() -> list[Mapping[str, Any]]:
    """Templates of ours, as E2B lists them: `templateID`, `names`, `memoryMB`, `createdAt`. Raises SandboxError."""
    found = await _request("GET", "/templates")
    return [each for each in found if any(is_ours(name) for name in names_of(each))]


async def remove(template_id: str) -> None:
    """Remove one. Raises SandboxError."""
    await _request("DELETE", f"/templates/{template_id}")


def names_of(template: Mapping[str, Any]) -> list[str]:
    """Its names, without the team's own part before the slash."""
    return [str(name).rpartition("/")[2] for name in template.get("names") or template.get("aliases") or ()]


def is_ours(name: str) -> bool:
    """Whether `ensure` made it: our prefix, and a digest at the end."""
    return re.fullmatch(PREFIX + r"[a-z0-9-]+-[0-9a-f]{12}", name) is not None


async def _request(method: str, path: str) -> Any:
    """E2B's client can neither list nor remove templates; these are requests of its REST interface."""
    import httpx

    account = Account.of_settings()
    url = os.environ.get("E2B_API_URL") or f"https://api.{os.environ.get('E2B_DOMAIN') or 'e2b.app'}"

    async def once() -> Any:
        with told(f"{method} {path}", account.key):
            async with httpx.AsyncClient(timeout=_REQUEST_WITHIN_S) as client:
                answer = await client.request(method, url + path, headers={"X-API-KEY": account.key})
            if answer.status_code in (401, 403, 404):
                raise SandboxRefused(f"e2b: {method} {path}: {answer.status_code}: {answer.text[:300]}")
            answer.raise_for_status()
            return answer.json() if answer.content else None

    return await patiently(once)
