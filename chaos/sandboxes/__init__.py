"""The providers: who makes a disposable machine. `chaos.sandboxes.names` names them; only who is asked for is read."""

from importlib import import_module

from chaos.errors import SandboxError
from chaos.sandboxes.claims import checked
from chaos.sandboxes.support.base import Completed, Sandbox, SandboxRef, Setup
from chaos.sandboxes.support.provider import Provider, SandboxRequest

__all__ = [
    "Completed",
    "Provider",
    "Sandbox",
    "SandboxRef",
    "SandboxRequest",
    "Setup",
    "attach",
    "connect",
    "open_sandbox",
    "provider",
]


def provider(name: str) -> Provider:
    """The one of that name. Raises SandboxError."""
    from chaos.sandboxes.names import NAMES

    if name not in NAMES:
        raise SandboxError(f"no sandbox provider '{name}'; known: {', '.join(sorted(NAMES))}")
    found: Provider = import_module(f"chaos.sandboxes.{name}.entry").PROVIDER
    return found


async def open_sandbox(type_: str, wanted: SandboxRequest) -> Sandbox:
    """Open a sandbox of that type. Raises SandboxError."""
    return await provider(type_).open(wanted)


async def connect(ref: SandboxRef) -> Sandbox:
    """Find a sandbox again from its ref, in any process. Raises SandboxLost, SandboxRefused when it is none of ours."""
    return await provider(checked(ref).type).connect(ref)


def attach(ref: SandboxRef) -> Sandbox:
    """The sandbox of that ref without a look whether it still lives: enough to destroy it. Raises SandboxRefused."""
    return provider(checked(ref).type).attach(ref)
