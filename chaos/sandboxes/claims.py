"""What a reference to a sandbox may say: only what this machine would have made itself; anything else is refused.

A reference decides which program runs on the host and which directory is removed. It comes from our own memory or a
file of ours (`chaos.sandboxes.inventory`), and its provider looks at it all the same before anything is done with it.
"""

from importlib import import_module

from chaos.errors import SandboxRefused
from chaos.sandboxes.support.base import SandboxRef
from chaos.sandboxes.support.provider import Provider

_NOT_OURS = "nothing is done with it"


def checked(ref: SandboxRef) -> SandboxRef:
    """The same reference. Raises SandboxRefused, which names what of it is not ours."""
    from chaos.sandboxes.names import NAMES

    if ref.type not in NAMES:
        raise SandboxRefused(f"no sandbox provider {ascii(ref.type)[:60]}; known: {', '.join(sorted(NAMES))}")
    owner: Provider = import_module(f"chaos.sandboxes.{ref.type}.entry").PROVIDER
    if why := owner.why_not_ours(ref):
        raise SandboxRefused(f"{ref.type} sandbox {ascii(ref.id)[:60]}: {why}: {_NOT_OURS}")
    return ref
