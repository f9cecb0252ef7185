"""Files beside a manifest: its app's directory and its dashboard's template."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.manifests.places import template_file
from chaos.manifests.yaml import problems

FindApp = Callable[[Path, str, Path], Path]
"""Manifest, what its `app` says, repository -> the app's directory. Raises ValueError when it must not or cannot be."""


def beside(
    data: dict[str, Any], path: Path, root: Path, find_app: FindApp
) -> tuple[tuple[Path | None, Path | None], list[tuple[problems.Path, str]]]:
    """The app's directory and the dashboard's template, and what is wrong with either."""
    app: Path | None = None
    template: Path | None = None
    amiss: list[tuple[problems.Path, str]] = []
    try:
        app = _app_of(data, path, root, find_app)
    except ValueError as error:
        amiss.append((("spec", "target", "app"), str(error)))
    try:
        template = _template_of(data, path, root, find_app)
    except ValueError as error:
        amiss.append((("spec", "dashboard"), str(error)))
    return (app, template), amiss


def _app_of(data: dict[str, Any], path: Path, root: Path, find_app: FindApp) -> Path | None:
    spec = data.get("spec")
    target = spec.get("target") if isinstance(spec, dict) else None
    app = target.get("app") if isinstance(target, dict) else None
    if not isinstance(app, str) or not app or "\0" in app:
        return None
    return find_app(path, app, root)


def _template_of(data: dict[str, Any], path: Path, root: Path, find_app: FindApp) -> Path | None:
    spec = data.get("spec")
    template = spec.get("dashboard") if isinstance(spec, dict) else None
    if not isinstance(template, str) or not template.endswith(".j2") or "\0" in template:
        return None
    return template_file(path, template, root, find_app)
