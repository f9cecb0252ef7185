"""Renderer of dashboards: a template and its data -> the JSON of a Grafana dashboard.

Ours are rendered here. A team's own may be anybody's (a repository brings it): a process of its own does that, within
limits (`chaos.publish.templates`). The JSON that comes out is read strictly before anybody gets it; a name that a
template misspells is an error.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from chaos.analysis.result import Result
from chaos.errors import PublishError
from chaos.publish.dashboards.context import context
from chaos.publish.templates import renderer, sandbox
from chaos.text.inert import everywhere

_PACKAGE = Path(__file__).resolve().parents[2]
TEMPLATES = packaged if (packaged := _PACKAGE / "_dashboards").is_dir() else _PACKAGE.parent / "dashboards"
"""Ours; in an installed package they travel inside of it."""


def render(template: Path, result: Result | None, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard of one run; before there is a result, one that follows the run live.

    `plan` is `run.started.data.plan`. Raises PublishError when the template is wrong, and says where.
    """
    return rendered(template, context(result, plan))


def shared() -> list[dict[str, Any]]:
    """The dashboards that are the same for every run."""
    return [fleet()]


def fleet() -> dict[str, Any]:
    """All experiments side by side."""
    return rendered(TEMPLATES / "fleet.json.j2", {"uid": "chaoslab-fleet"})


def rendered(template: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """What a template makes of what it may know. Raises PublishError."""
    known = everywhere(known)
    is_ours = template.resolve().parent == TEMPLATES.resolve()
    text = _drawn(template, known) if is_ours else renderer.render(template.absolute(), TEMPLATES, known)
    try:
        dashboard = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise PublishError(f"{template}: does not give a dashboard's JSON: {error}") from error
    if not isinstance(dashboard, dict):
        raise PublishError(f"{template}: gives {type(dashboard).__name__}, not an object")
    inert: dict[str, Any] = everywhere(dashboard)
    return inert


def _drawn(template: Path, known: Mapping[str, Any]) -> str:
    try:
        return sandbox.drawn(template, TEMPLATES, known)
    except TemplateError as error:
        raise PublishError(f"{sandbox.place(template, error)}: {error}") from error


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"key {key!r} appears twice in one object")
        seen[key] = value
    return seen


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")
