"""Cron expressions: five fields and a time zone, refused when they can never fire or when Prefect reads them otherwise.

cronsim reads them and finds their times. What is refused here is what it would take and what nobody means: other
fields' letters, ranges that run backwards, and forms that Prefect's cron reads as something else.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
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
_DAY, _WEEKDAY = 2, 4
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,4}))?")
_ANY_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  a wall clock, of no zone


def wall_times(text: str, after: datetime) -> Iterator[datetime]:
    """The times of a wall clock at which a checked expression fires, in order, from the first one after `after`."""
    return CronSim(_as_prefect_reads_it(text.split()), after)


def checked_cron(text: str) -> str:
    """`text` itself, when it is an expression that fires at some time. Raises PydanticCustomError."""
    words = text.split()
    if len(words) != len(_FIELDS) or len(text) > 200:
        names = ", ".join(name for name, *_ in _FIELDS)
        _refuse(f"expected five fields ({names}), such as '0 9 * * 1-5'; got {len(words)}")
    for word, (name, low, high, names_of) in zip(words, _FIELDS, strict=True):
        _check(word, name, low, high, names_of)
    try:
        CronSim(_as_prefect_reads_it(words), _ANY_DAY)
    except CronSimError:
        _refuse(f"never fires: no such month has a day {min(_days(words[_DAY]))}")
    return text


@cache
def read_weekdays(text: str) -> frozenset[int]:
    """`mon-fri`, `sat,sun` or `*`; 0 is Sunday. Raises PydanticCustomError."""
    _check(text, *_FIELDS[_WEEKDAY])
    return _weekdays(text)


def checked_timezone(name: str) -> str:
    """`name` itself, when it is a time zone that this machine knows."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = unknown(name, available_timezones(), "time zone").partition("known:")[0]
        _refuse(f"{meant}expected an IANA name such as Europe/Berlin")
    return name


def _as_prefect_reads_it(words: list[str]) -> str:
    """The same expression in cronsim's words: a day counts when its number or its weekday is named, unless one is `*`.

    cronsim takes every field that begins with `*` for that; Prefect only `*` itself, and what names all days beside a
    field with a `*` in it.
    """
    minute, hour, day, month, weekday = words
    all_days = _has_star(day) or ("*" in weekday and len(_days(day)) == 31)
    all_weekdays = _has_star(weekday) or ("*" in day and len(_weekdays(weekday)) == 7)
    day = "*" if all_days else day.replace("*", "1-31")
    weekday = "*" if all_weekdays else weekday.replace("*", "0-7")
    return f"{minute} {hour} {day} {month} {weekday}"


def _has_star(word: str) -> bool:
    return "*" in word.split(",")


def _days(word: str) -> frozenset[int]:
    return frozenset(CronSim(f"0 0 {word} 1 *", _ANY_DAY).days)


def _weekdays(word: str) -> frozenset[int]:
    numbers = CronSim(f"0 0 1 1 {word}", _ANY_DAY).weekdays
    return frozenset(each % 7 for each in numbers if isinstance(each, int))


def _check(word: str, name: str, low: int, high: int, names: dict[str, int]) -> None:
    for part in word.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            _refuse(f"{name} '{part}' is not a number, range, list or step such as 1-5, 1,15 or */10")
        if match[4] and int(match[4]) == 0:
            _refuse(f"{name} '{part}' steps by 0")
        if match[1] != "*":
            _check_range(match, name, low, high, names)


def _check_range(match: re.Match[str], name: str, low: int, high: int, names: dict[str, int]) -> None:
    first = _number(match[2], name, low, high, names)
    last = _number(match[3], name, low, high, names) if match[3] else (high if match[4] else first)
    if first > last:
        _refuse(f"{name} '{match[0]}' runs backwards")
    if first == last and (match[3] or match[4]):
        _refuse(f"{name} '{match[0]}' is one value, and Prefect would take it for every one; write {first}")
    if match[4] and high == last == 7:
        _refuse(f"{name} '{match[0]}' is read differently by Prefect; write the days as a list such as 2,5")


def _number(word: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    number = names.get(word.lower())
    if number is None and word.isascii() and word.isdigit() and len(word) < 5:
        number = int(word)
    if number is None or not low <= number <= high:
        _refuse(f"{name} '{word}' is not within {low} to {high}")
    return number


def _refuse(why: str) -> NoReturn:
    raise PydanticCustomError("schedule", "{why}", {"why": why})
