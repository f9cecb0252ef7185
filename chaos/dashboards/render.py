"""A template and what it may know -> the JSON of a Grafana dashboard.

Templates belong to the operator (a repository may bring its own), so they run in Jinja's sandbox, see only templates
beside them and ours, and get a bounded time; a name that a template misspells is an error, and the JSON that comes out
is read strictly before anybody gets it.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chaos.dashboards.context import context
from chaos.dashboards.promql import quoted
from chaos.errors import PublishError
from chaos.measure.result import Result

_PACKAGE = Path(__file__).resolve().parents[1]
TEMPLATES = packaged if (packaged := _PACKAGE / "_dashboards").is_dir() else _PACKAGE.parent / "dashboards"
"""Ours; in an installed package they travel inside of it."""
MOST_BYTES = 256 * 1024
"""Of a template."""
MOST_S = 2.0
"""That a template may take; ours take 10 ms."""


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
    try:
        made = _environment(template.parent).get_template(template.name)
        text = _bounded(lambda: made.render(known))
        dashboard = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except TemplateError as error:
        raise PublishError(f"{_place(template, error)}: {error}") from error
    except (TypeError, ValueError, ArithmeticError, RecursionError, TimeoutError) as error:
        raise PublishError(f"{_place(template, error)}: does not give a dashboard's JSON: {error}") from error
    if not isinstance(dashboard, dict):
        raise PublishError(f"{template}: gives {type(dashboard).__name__}, not an object")
    return dashboard


def _place(template: Path, error: BaseException) -> str:
    """File and line of the template that went wrong, as far as it is known."""
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while line is None and trace is not None:
        if trace.tb_frame.f_code.co_filename == str(template):
            line = trace.tb_lineno  # Jinja rewrites tracebacks to the lines of templates
        trace = trace.tb_next
    return f"{getattr(error, 'filename', None) or template}{f':{line}' if line else ''}"


def _bounded(work: Callable[[], str]) -> str:
    """What `work` returns, unless it takes too long. A template cannot be waited for: nothing ends its loops."""
    until = time.thread_time() + MOST_S  # of the processor: a busy machine makes no template endless

    def look(_frame: FrameType, _event: str, _argument: Any) -> Any:
        if time.thread_time() > until:
            raise TimeoutError(f"takes longer than {MOST_S:g} s of CPU time")
        return look

    before = sys.gettrace()
    if before is not None:  # a debugger watches, or coverage counts: its own business comes first
        return work()
    sys.settrace(look)
    try:
        return work()
    finally:
        sys.settrace(before)


class _Nearby(BaseLoader):
    """Templates of one directory and ours, by bare file name; links that lead elsewhere are not followed."""

    def __init__(self, folder: Path) -> None:
        self._folders = (folder.resolve(), TEMPLATES.resolve())

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        for folder in self._folders:
            path = (folder / template).resolve()
            if path.parent == folder and path.is_file():
                return _source(path, template)
        beside = ", ".join(sorted(path.name for path in TEMPLATES.glob("*.j2")))
        raise TemplateNotFound(template, f"no template {template!r} in {self._folders[0]}; ours: {beside}")


def _source(path: Path, template: str) -> tuple[str, str, Callable[[], bool]]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise TemplateNotFound(template, f"{path}: larger than {MOST_BYTES // 1024} KiB")
        changed_at = path.stat().st_mtime_ns
        return data.decode(), str(path), lambda: path.stat().st_mtime_ns == changed_at
    except (OSError, ValueError) as error:
        raise TemplateNotFound(template, f"{path}: cannot be read: {error}") from error


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which nothing is multiplied into the gigabytes: no clock stops one long instruction."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "*" and numbers:
            return super().call_binop(context, operator, left, right)
        raise SecurityError(f"{operator} is for numbers, and ** for nobody, in a dashboard's template")


@lru_cache(maxsize=8)
def _environment(folder: Path) -> _Sandbox:
    environment = _Sandbox(
        loader=_Nearby(folder),
        undefined=StrictUndefined,
        autoescape=False,  # the output is JSON: every value goes through tojson
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["promql"] = quoted
    return environment


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"key {key!r} appears twice in one object")
        seen[key] = value
    return seen


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")
