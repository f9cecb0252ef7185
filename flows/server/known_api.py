"""Which Prefect API would be used, as far as that is certain without importing Prefect."""

import os
from pathlib import Path

from flows.server.local import local_url


def known_api() -> str | None:
    """The one of the environment; ours, when it runs and nothing may name another. None: ask Prefect.

    Source of the places: Prefect's own sources of settings, of which the environment goes first; files of the current
    directory are none (`flows.prefect.without_cwd`).
    """
    if url := os.environ.get("PREFECT_API_URL"):
        return url
    profiles = Path.home() / ".prefect/profiles.toml"
    unsure = any(name.startswith("PREFECT_") for name in os.environ) or _may_name_one(profiles)
    return None if unsure else local_url()


def _may_name_one(file: Path) -> bool:
    try:
        text = file.read_bytes().lower()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return b"prefect_" in text
