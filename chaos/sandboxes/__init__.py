"""The providers: who makes a disposable machine. The dictionary is the registry; `connect` finds a machine again."""

from typing import Any

from chaos.errors import SandboxError
from chaos.sandboxes.claims import checked
from chaos.sandboxes.container.provider import ContainerSandbox
from chaos.sandboxes.e2b.provider import E2BSandbox
from chaos.sandboxes.local.provider import LocalSandbox
from chaos.sandboxes.support.base import Completed, Sandbox, SandboxRef, Setup

AnySandbox = LocalSandbox | ContainerSandbox | E2BSandbox
PROVIDERS: dict[str, type[AnySandbox]] = {
    "local": LocalSandbox,
    "container": ContainerSandbox,
    "e2b": E2BSandbox,
}

__all__ = [
    "PROVIDERS",
    "AnySandbox",
    "Completed",
    "Sandbox",
    "SandboxRef",
    "Setup",
    "attach",
    "connect",
    "open_sandbox",
]


async def open_sandbox(type_: str, **wanted: Any) -> Sandbox:
    """Open a sandbox of that type: `memory_bytes`, `disk_bytes`, `ttl_s`, `hosts` (names that lead to itself), `labels`
    (what its provider lists it by), `image` (what it is made from; None for ours), `setup` (a provider that keeps what
    that makes says `set_up` in the ref's facts; with the others it is the caller's to do). Raises SandboxError.
    """
    return await _provider(type_).open(**wanted)


async def connect(ref: SandboxRef) -> Sandbox:
    """Find a sandbox again from its ref, in any process. Raises SandboxLost, SandboxRefused when it is none of ours."""
    return await _provider(checked(ref).type).connect(ref)


def attach(ref: SandboxRef) -> Sandbox:
    """The sandbox of that ref without a look whether it still lives: enough to destroy it. Raises SandboxRefused."""
    return _provider(checked(ref).type)(ref)


def _provider(type_: str) -> type[AnySandbox]:
    if type_ not in PROVIDERS:
        raise SandboxError(f"no sandbox provider '{type_}'; known: {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[type_]
