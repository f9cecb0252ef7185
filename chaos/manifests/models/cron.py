"""When a schedule fires: five cron fields and a time zone, refused when they can never fire."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic_core import PydanticCustomError

from chaos.manifests.yaml.problems import unknown

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class Cron:
    """The times of five fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either: bool
    """Whether a day counts when its number or its weekday is named: as ever in cron, when both are."""

    def on(self, date: date) -> bool:
        """Whether it fires at some time of that day."""
        named, weekday = date.day in self.days, date.isoweekday() % 7 in self.weekdays
        return date.month in self.months and ((named or weekday) if self.either else (named and weekday))


def read_cron(text: str) -> Cron:
    """The times of a schedule. Raises PydanticCustomError when it is none, or never fires."""
    words = text.split()
    if len(words) != len(_FIELDS) or len(text) > 200:
        names = ", ".join(name for name, *_ in _FIELDS)
        _refuse(f"expected five fields ({names}), such as '0 9 * * 1-5'; got {len(words)}")
    minutes, hours, days, months, weekdays = (
        frozenset(_times(word, name, low, high, words_of))
        for word, (name, low, high, words_of) in zip(words, _FIELDS, strict=True)
    )
    if words[4] == "*" and all(min(days) > _LONGEST[month - 1] for month in months):
        _refuse(f"never fires: no such month has a day {min(days)}")
    weekdays = frozenset(each % 7 for each in weekdays)
    return Cron(minutes, hours, days, months, weekdays, either="*" not in (words[2], words[4]))


def checked_cron(text: str) -> str:
    """`text` itself, when it is a schedule that fires at some time."""
    read_cron(text)
    return text


@cache
def read_weekdays(text: str) -> frozenset[int]:
    """`mon-fri`, `sat,sun` or `*`; 0 is Sunday. Raises PydanticCustomError."""
    return frozenset(each % 7 for each in _times(text, *_FIELDS[4]))


def checked_timezone(name: str) -> str:
    """`name` itself, when it is a time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = unknown(name, available_timezones(), "time zone").partition("known:")[0]
        _refuse(f"{meant}expected an IANA name such as Europe/Berlin")
    return name


def _times(word: str, name: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    times: set[int] = set()
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            _refuse(f"{name} '{part}' is not a number, range, list or step such as 1-5, 1,15 or */10")
        first, last = _range(match, name, low, high, names)
        step = int(match[4] or 1)
        if step == 0:
            _refuse(f"{name} '{part}' steps by 0")
        times.update(range(first, last + 1, step))
    return times


def _range(match: re.Match[str], name: str, low: int, high: int, names: dict[str, int]) -> tuple[int, int]:
    if match[1] == "*":
        return low, high
    first = _number(match[2], name, low, high, names)
    last = _number(match[3], name, low, high, names) if match[3] else (high if match[4] else first)
    if first > last:
        _refuse(f"{name} '{match[0]}' runs backwards")
    return first, last


def _number(word: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(word.lower())
    if number is None and word.isascii() and word.isdigit() and len(word) < 5:
        number = int(word)
    if number is None or not low <= number <= high:
        _refuse(f"{name} '{word}' is not within {low} to {high}")
    return number


def _refuse(why: str) -> NoReturn:
    raise PydanticCustomError("schedule", "{why}", {"why": why})
