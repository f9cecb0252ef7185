"""Jinja sandbox for users' templates: only templates beside them and ours can be included."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chaos.publish.templates.filters import quoted

SUFFIX = ".j2"
MOST_BYTES = 256 * 1024
"""Of a template."""
MOST_CHARACTERS = 4 * 1024 * 1024
"""That one may make."""


def drawn(template: Path, ours: Path, known: Mapping[str, Any]) -> str:
    """What a template makes of what it may know; `ours` is the folder of templates that all may use.

    Raises what Jinja raises, and what a template's own expressions raise.
    """
    return "".join(_bounded(_environment(template.parent, ours).get_template(template.name).generate(known)))


def place(template: Path, error: BaseException) -> str:
    """File and line of the template that went wrong, as far as it is known: the innermost."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or template}:{error.lineno}"
    found = str(template)
    trace = error.__traceback__
    while trace is not None:
        if (file := trace.tb_frame.f_code.co_filename).endswith(SUFFIX):
            found = f"{file}:{trace.tb_lineno}"  # Jinja rewrites tracebacks to the lines of templates
        trace = trace.tb_next
    return found


def _bounded(chunks: Iterator[str]) -> Iterator[str]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MOST_CHARACTERS:
            raise ValueError(f"makes more than {MOST_CHARACTERS // 2**20} Mi characters")
        yield chunk


class _Nearby(BaseLoader):
    """Templates of one directory and ours, by bare file name; links that lead elsewhere are not followed."""

    def __init__(self, folder: Path, ours: Path) -> None:
        self._folders = (folder.resolve(), ours.resolve())

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if "/" in template or "\0" in template or not template.endswith(SUFFIX):
            why = f"{template!r} is no template beside it: expected a file's name that ends in {SUFFIX}"
            raise TemplateNotFound(template, why)
        for folder in self._folders:
            path = (folder / template).resolve()
            if path.parent == folder and path.suffix == SUFFIX and path.is_file():
                return _source(path, template)
        beside = ", ".join(sorted(path.name for path in self._folders[1].glob(f"*{SUFFIX}")))
        raise TemplateNotFound(template, f"no template {template!r} in {self._folders[0]}; ours: {beside}")


def _source(path: Path, template: str) -> tuple[str, str, Callable[[], bool]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123  a descriptor
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise TemplateNotFound(template, f"{path}: is no file")
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise TemplateNotFound(template, f"{path}: larger than {MOST_BYTES // 1024} KiB")
        return data.decode(), str(path), lambda: path.stat().st_mtime_ns == about.st_mtime_ns
    except (OSError, ValueError) as error:
        raise TemplateNotFound(template, f"{path}: cannot be read: {error}") from error


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which nothing is multiplied into the gigabytes."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "*" and numbers:
            return super().call_binop(context, operator, left, right)
        raise SecurityError(f"{operator} is for numbers, and ** for nobody, in a dashboard's template")


@lru_cache(maxsize=8)
def _environment(folder: Path, ours: Path) -> _Sandbox:
    environment = _Sandbox(
        loader=_Nearby(folder, ours),
        undefined=StrictUndefined,
        autoescape=False,  # the output is JSON: every value goes through tojson
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["promql"] = quoted
    return environment
