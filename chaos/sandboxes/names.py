"""Names of the providers, without reading any of them: what a command line needs to say its choices."""

from typing import Literal, get_args

ProviderName = Literal["local", "container", "e2b"]
"""As a manifest writes it."""
NAMES: tuple[ProviderName, ...] = get_args(ProviderName)
