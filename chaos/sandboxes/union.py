"""All providers: a new one is one sub-package of chaos.sandboxes, its specification here and its name in `names`.

In its sub-package there is `spec` with what an author may ask of it, and `entry` with its PROVIDER.
"""

from typing import Annotated, get_args

from pydantic import Discriminator

from chaos.sandboxes.container.spec import ContainerSandbox
from chaos.sandboxes.e2b.spec import E2BSandbox
from chaos.sandboxes.local.spec import LocalSandbox
from chaos.sandboxes.support.spec import Sandbox

AnySandbox = Annotated[LocalSandbox | ContainerSandbox | E2BSandbox, Discriminator("type")]
SPECS: dict[str, type[Sandbox]] = {
    kind.model_fields["type"].default: kind for kind in get_args(get_args(AnySandbox)[0])
}
"""The specification of each, by its name."""
