"""Prefect settings without the files of the current directory, which may be a stranger's checkout.

Prefect 3.8.8 has no switch for that: it reads `.env`, `prefect.toml` and `pyproject.toml` of wherever a process stands,
and these may name its API, its profiles, a file of logging handlers (a program, that is) and plugins. So its module of
sources, `prefect.settings.sources`, is changed as it is imported, before anything has read a setting. The environment
and the user's own profiles below `PREFECT_HOME` count as always.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any


def without_cwd() -> None:
    """Change Prefect's sources when they are imported, or now when they have been."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name, change in _CHANGES.items():
        if name in sys.modules:
            change(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds what is to be changed where it would have been found."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _CHANGES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _CHANGES[module.__name__](module)


def _sources(module: ModuleType) -> None:
    """No file of TOML, no `.env`, and profiles only where the environment or the user's home has them."""
    _replace(module.TomlConfigSettingsSourceBase, "_read_files", lambda self, files, deep_merge=False: {})
    _replace(module.FilteredDotEnvSettingsSource, "_read_env_files", lambda self: {})
    _replace(module, "_get_profiles_path", lambda: _profiles(module))


def _base(module: ModuleType) -> None:
    """pydantic would read `.env` before Prefect's own source does not."""
    configure: Callable[..., Mapping[str, Any]] = module.build_settings_config

    def without_file(*arguments: Any, **named: Any) -> dict[str, Any]:
        return {**configure(*arguments, **named), "env_file": None}

    _replace(module, "build_settings_config", without_file)
    _replace(module, "_build_settings_config", without_file)


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


def _replace(where: Any, name: str, by: object) -> None:
    """Raises AttributeError when there is nothing to replace: another Prefect than this was written for."""
    getattr(where, name)
    setattr(where, name, by)


_CHANGES: Mapping[str, Callable[[ModuleType], None]] = {
    "prefect.settings.sources": _sources,
    "prefect.settings.base": _base,
}
