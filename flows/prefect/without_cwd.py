"""Prefect settings without the files of the current directory, which may be a stranger's checkout.

Prefect 3.8.8 has no switch for that: it reads `.env`, `prefect.toml` and `pyproject.toml` of wherever a process stands,
and these may name its API, its profiles, a file of logging handlers (a program, that is) and plugins. So its module of
sources, `prefect.settings.sources`, is changed as it is imported, before anything has read a setting. The environment
and the user's own profiles below `PREFECT_HOME` count as always.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from flows.prefect.changes import change, replace


def without_cwd() -> None:
    """Change Prefect's sources when they are imported, or now when they have been."""
    change({"prefect.settings.sources": _sources, "prefect.settings.base": _base})


def _sources(module: ModuleType) -> None:
    """No file of TOML, no `.env`, and profiles only where the environment or the user's home has them."""
    replace(module.TomlConfigSettingsSourceBase, "_read_files", lambda self, files, deep_merge=False: {})
    replace(module.FilteredDotEnvSettingsSource, "_read_env_files", lambda self: {})
    replace(module, "_get_profiles_path", lambda: _profiles(module))


def _base(module: ModuleType) -> None:
    """pydantic would read `.env` before Prefect's own source does not."""
    configure: Callable[..., Mapping[str, Any]] = module.build_settings_config

    def without_file(*arguments: Any, **named: Any) -> dict[str, Any]:
        return {**configure(*arguments, **named), "env_file": None}

    replace(module, "build_settings_config", without_file)
    replace(module, "_build_settings_config", without_file)


def _profiles(module: ModuleType) -> Path:
    """As `prefect.settings.sources._get_profiles_path` of 3.8.8, without the files of the current directory."""
    if module._is_test_mode():
        return Path(module.DEFAULT_PROFILES_PATH)
    if named := os.environ.get("PREFECT_PROFILES_PATH"):
        return Path(named)
    if home := os.environ.get("PREFECT_HOME"):
        return Path(home) / "profiles.toml"
    own = Path(module.DEFAULT_PREFECT_HOME) / "profiles.toml"
    return own if own.exists() else Path(module.DEFAULT_PROFILES_PATH)
