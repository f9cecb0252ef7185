"""Facts of a sandbox that hold for every provider: what a run needs to know of the machine that it was given."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.run_spec.codec import decode
from chaos.run_spec.model import WallSpec
from chaos.sandboxes.support.base import SandboxRef


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a provider leaves out has these defaults."""

    app: str = "/app"
    """Where the app is inside; of an image, where that wants to run."""
    command: Sequence[str] = ()
    """What an image wants to run."""
    wall: WallSpec = field(default_factory=WallSpec)
    """How the app is kept apart there."""
    set_up: bool = False
    """Whether what setup makes is there already."""
    memory: str = "real"
    """Whether a control group limits the app's memory: `real`, or another word."""
    memory_why: str = ""
    """Why not."""


def facts_of(ref: SandboxRef) -> Facts:
    """Those of a reference of ours. Raises SpecError when they are not as a provider of ours writes them."""
    return decode(Facts, ref.facts, f"{ref.type} sandbox", strict=False)
