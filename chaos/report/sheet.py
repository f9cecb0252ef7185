"""Base of all pages: the stylesheet, the signs of verdicts, templates with escaped values."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from chaos.report.plain import plain

MARKS = {
    "held": "M12 20.5l5.5 5.5L28.5 14.5",
    "deviated": "M13.5 13.5l13 13M26.5 13.5l-13 13",
    "inconclusive": "M12 20h16",
}
"""The shape in the verdict's circle: a check, a cross, a dash; read without colour."""
SYMBOLS = {"held": "✓", "deviated": "✗", "inconclusive": "–"}
TONES = {"low": "held", "medium": "inconclusive", "high": "deviated", "critical": "deviated"}


def template(name: str, filters: Mapping[str, Callable[..., Any]]) -> Template:
    """The page of that file beside this one, compiled."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=_shown, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= dict(filters)
    return environment.from_string(files("chaos.report").joinpath(name).read_text("utf-8"))


def stylesheet(*more: str) -> Markup:
    """The colours, the charts and the page, and `more` of the files in `page/`."""
    light, dark = css("light"), css("dark")
    rest = "\n".join(css(name) for name in ("chart", "report", *more))
    # Paper is light: dark colours are for screens only, so printing needs no second palette.
    return Markup(
        f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n{rest}"
    )


@lru_cache(maxsize=8)
def css(name: str) -> str:
    """One file of `page/`."""
    return files("chaos.report").joinpath(f"page/{name}.css").read_text("utf-8")


def _shown(value: Any) -> Any:
    """Every expression of a template passes here before it is escaped."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value
