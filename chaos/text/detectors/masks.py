"""What is written in the place of a secret, what patterns of several forms share, the tables beside them."""

import pkgutil

SECRET = "<secret>"

QUOTE = r"(?:\\{0,7}[\"'`]|&quot;|&\#0?3[49];|%2[27])"
"""A quote as it is, escaped in a string (of a string), in HTML, or in a URL."""
QUOTED = rf"(?:(?P<q>{QUOTE})(?P<in>(?:(?!(?P=q))(?:\\.|.)){{0,2000}})(?:(?P=q)|$))"
"""From a quote to the next one of its kind, or to the end of the line."""
BARE = (
    r"(?:[^\s\"'`<>,;&(){}\[\]|\\]|\\(?![rntu\"'\\])"
    r"|[,;&(){}\[\]|]{1,3}(?=[^\s\"'`<>,;&(){}\[\]|\\])(?![\w.-]{1,40}\s?[=:]))"
)
"""A sign of a value without quotes: a comma or a bracket is of it where the next sign goes on, and begins no name."""


def table(name: str) -> list[str]:
    """The lines of a file beside this one, wherever that is: in the agent it is a zip."""
    lines = (pkgutil.get_data(__package__, name) or b"").decode().splitlines()
    return [line for line in lines if not line.startswith("#")]
