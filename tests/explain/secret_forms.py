"""Lines with made-up secrets in them, by the forms of `secret_forms.txt`, and how much of a secret is left in a text.

Half of the first, drawn by a hash of their text, is held out: patterns are written beside the other half only. The
others are as their heads say.
"""

import math
import random
import re
import string
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_WORDS = (
    "correct",
    "horse",
    "battery",
    "open",
    "sesame",
    "winter",
    "falcon",
    "quartz",
    "letme",
    "marble",
    "tiger",
)
_SIGNS = "!#$%*+^~_-.?&@"
_PLACE = re.compile(r"\{([vuqkxA])(\d*)\}")


@dataclass(frozen=True, slots=True)
class Planted:
    """One line and what of it must not be left."""

    form: str
    line: str
    secret: str

    def leaks(self, text: str) -> bool:
        """Whether a third of the secret, and four characters at least, is still there."""
        size = max(4, math.ceil(len(self.secret) / 3))
        beside = self.line.replace(self.secret, "\0")
        parts = (self.secret[at : at + size] for at in range(max(1, len(self.secret) - size + 1)))
        return any(part in text and part not in beside for part in parts)


def forms(*, held_out: bool) -> list[str]:
    """One half of the forms."""
    return [form for form in forms_of("secret_forms.txt") if (zlib.crc32(form.encode()) % 2 == 1) is held_out]


def forms_of(name: str) -> list[str]:
    """All forms of a file."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


def innocent(name: str) -> list[str]:
    """Lines that hold no secret."""
    return forms_of(name)


def planted(found: Sequence[str], *, seed: int) -> Iterator[Planted]:
    """Each form with a value of that seed; `¶` ends a line in it."""
    draw = random.Random(seed)
    for form in found:
        values: list[str] = []
        line = _PLACE.sub(lambda found, values=values: _drawn(found, values, draw), form)  # type: ignore[misc]
        yield Planted(form, line.replace("¶", "\n"), max(values, key=len, default=line))


def _drawn(found: re.Match[str], values: list[str], draw: random.Random) -> str:
    values.append(_value(found[1], int(found[2] or 32), draw))
    return values[-1]


def _value(kind: str, many: int, draw: random.Random) -> str:
    one, other = draw.sample(_WORDS, 2)
    if kind == "k":
        token = "".join(draw.choices(string.ascii_letters + string.digits, k=many - 2))
        return f"{token[:5]}{draw.randint(10, 99)}{token[5:]}"
    if kind == "x":
        return "".join(draw.choices("0123456789abcdef", k=many))
    if kind == "A":
        return "".join(draw.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=many))
    if kind == "q":
        return draw.choice(
            [f"{one} {other} {draw.randint(1, 99)}", f"{one}, {other}}} and", f"{one}{other}!1"]
        )
    signs = "" if kind == "u" else draw.choice(_SIGNS)
    return draw.choice(
        [
            f"{one}{draw.randint(2, 99)}",
            f"{one}{other}",
            f"{one.title()}{signs}{other}{draw.randint(1, 9)}",
            "".join(draw.choices(string.ascii_letters + string.digits, k=draw.randint(8, 12))),
        ]
    )
