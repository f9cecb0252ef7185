"""Quantities that carry their unit: `300ms`, `512MiB`, `80%`, `50/s`.

Fields of manifests are annotated with these types; a Python value is always the base unit: seconds, bytes, a share
(0.8 for 80%), per second. Standard library only: the pydantic hooks import pydantic when it calls them, on the host.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

_NUMBER = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"


_KINDS = {bool: "true or false", type(None): "nothing", dict: "a mapping", list: "a list"}


@dataclass(frozen=True)
class Unit:
    """One kind of quantity: how it is written, and what a value of it must lie between (base units, inclusive)."""

    kind: str
    suffixes: tuple[tuple[str, float], ...]
    example: str
    low: float = 0.0
    high: float = float("inf")
    whole: bool = False
    signed: bool = False
    """Whether it says its direction: `+1h`, `-5m`."""

    @property
    def pattern(self) -> str:
        """How it is written, as a regular expression of JSON schemas."""
        names = "|".join(re.escape(name) for name, _ in self.suffixes)
        return rf"^{'[+-]?' if self.signed else ''}[0-9]+(\.[0-9]+)?\s*({names})$"

    @cached_property
    def _written(self) -> re.Pattern[str]:
        names = "|".join(re.escape(name) for name, _ in self.suffixes)
        return re.compile(rf"({'[+-]?' if self.signed else ''}){_NUMBER}\s*({names})")

    def parse(self, text: object) -> float:
        """Base units of `text`; raises ValueError with what is allowed."""
        allowed = f"a {self.kind} such as {self.example}"
        if isinstance(text, bool) or not isinstance(text, str | int | float):
            raise ValueError(f"expected {allowed}, got {_KINDS.get(type(text), 'something else')}")
        if not isinstance(text, str):
            raise ValueError(f"{text!r} has no unit; write {allowed}")
        match = self._written.fullmatch(text.strip())
        if match is None:
            units = ", ".join(name for name, _ in self.suffixes)
            raise ValueError(f"{_short(text)} is not {allowed}; units: {units}")
        value = self._base(float(match[1] + match[2]) * dict(self.suffixes)[match[3]])
        if not self.low <= value <= self.high:
            raise ValueError(
                f"{_short(text)} is out of range; allowed: {self.format(self.low)} to {self.format(self.high)}"
            )
        return value

    def format(self, value: float) -> str:
        """The shortest exact way to write `value` (base units) that `parse` reads back."""
        if value == float("inf"):
            return "unlimited"
        if self.signed:
            return ("-" if value < 0 else "+") + replace(self, signed=False).format(abs(value))
        for name, factor in sorted(self.suffixes, key=lambda pair: -pair[1]):
            scaled = round(value / factor)
            if scaled >= 1 and self._base(scaled * factor) == value:
                return f"{scaled}{name}"
        name, factor = min(self.suffixes, key=lambda pair: pair[1])
        return f"{value / factor:.9f}".rstrip("0").rstrip(".") + name

    def _base(self, value: float) -> float:
        return float(round(value)) if self.whole else round(value, 9)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        def read(value: object) -> float:
            if isinstance(value, str):
                return self.parse(value)
            from pydantic_core import PydanticCustomError

            try:
                return self.parse(value)
            except ValueError as error:
                raise PydanticCustomError("quantity", "{why}", {"why": str(error)}) from error

        return core_schema.no_info_plain_validator_function(
            read,
            serialization=core_schema.plain_serializer_function_ser_schema(self.format, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": self.pattern, "examples": [self.example]}


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:59] + "…")


_TIME = (("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0))
_DAYS = (*_TIME, ("d", 86400.0))
_SIZE = (
    ("B", 1.0),
    ("KiB", 2.0**10),
    ("MiB", 2.0**20),
    ("GiB", 2.0**30),
    ("KB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
)

DURATION = Unit("duration", _TIME, "300ms", high=7 * 24 * 3600.0)
POSITIVE_DURATION = Unit("duration", _TIME, "300ms", low=0.001, high=7 * 24 * 3600.0)
SIZE = Unit("size", _SIZE, "512MiB", high=2.0**50, whole=True)
SHARE = Unit("share", (("%", 0.01),), "80%", high=1.0)
RATE = Unit("rate", (("/s", 1.0), ("/m", 1 / 60)), "50/s", low=1 / 3600, high=100_000.0)
BYTE_RATE = Unit(
    "byte rate",
    tuple((f"{name}/s", factor) for name, factor in _SIZE),
    "10MiB/s",
    low=1.0,
    high=2.0**40,
    whole=True,
)
TIME_OFFSET = Unit("time offset", _DAYS, "+1h", low=-3650 * 86400.0, high=3650 * 86400.0, signed=True)
DRIFT = Unit("drift", (("%", 0.01), ("ppm", 1e-6)), "+1%", low=-0.5, high=0.5, signed=True)

Duration = Annotated[float, DURATION]
PositiveDuration = Annotated[float, POSITIVE_DURATION]
Size = Annotated[float, SIZE]
Share = Annotated[float, SHARE]
Rate = Annotated[float, RATE]
ByteRate = Annotated[float, BYTE_RATE]
TimeOffset = Annotated[float, TIME_OFFSET]
Drift = Annotated[float, DRIFT]


_ENDINGS = {
    "ms": " ms",
    "s": " s",
    "percent": " %",
    "bytes": " bytes",
    "mib": " MiB",
    "share": " %",
    "bytes/s": " bytes/s",
}


def amounts(asked: Mapping[str, object]) -> str:
    """What was asked of a fault, in words: `delay 300 ms, jitter 0 ms`; empty when that is nothing."""
    return ", ".join(_amount(key, value) for key, value in asked.items())


def _amount(key: str, value: object) -> str:
    if not isinstance(value, int | float):
        return f"{key.replace('_', ' ')} {value}"
    if key == "failed":
        return f"{100 * value:g} % failed"
    name, _, last = key.replace("_per_s", "/s").rpartition("_")
    unit = _ENDINGS.get(last, "") if name or last == "bytes/s" else ""
    shown = value * 100 if last == "share" and name else value
    digits = f"{shown:,.0f}" if float(shown).is_integer() else f"{shown:.4g}"
    return f"{(name if unit else key).replace('_', ' ')} {digits}{unit}".strip()
