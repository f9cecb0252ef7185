"""Changes of Prefect's modules, each made right after the module has run: what no setting of 3.8.8 can change."""

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

Change = Callable[[ModuleType], None]
_CHANGES: dict[str, Change] = {}
"""By the name of the module."""


def change(changes: Mapping[str, Change]) -> None:
    """Change these modules when they are imported, or now when they have been; again changes nothing."""
    for name, each in changes.items():
        if name not in _CHANGES:
            _CHANGES[name] = each
            if name in sys.modules:
                each(sys.modules[name])
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def replace(where: object, name: str, by: object) -> None:
    """Raises AttributeError when there is nothing to replace: another Prefect than this was written for."""
    getattr(where, name)
    setattr(where, name, by)


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
