"""Calendar of a game day: when it may run and when it will; cron, windows and blackouts in one time zone. Pure.

Days and times are those of the wall clock there. Where clocks are put back, a time that comes twice counts the first
time; where they are put forward, one that does not come counts an hour earlier by the new clock. Prefect, which starts
the runs, does the same.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

from chaos.manifests.models.cron import read_weekdays, wall_times
from chaos.manifests.yaml.problems import quoted

if TYPE_CHECKING:
    from chaos.manifests.models.game_day import Blackout, DaySchedule, Window

_FAR_DAYS = 5 * 366
"""A schedule that does not fire in so many days never will: 29 February comes every four years, but for 2100."""


def checked_date(text: str) -> str:
    """`text` itself, when it is a date."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise PydanticCustomError(
            "date", "{why}", {"why": f"{quoted(text)} is not a date such as 2026-12-24"}
        )
    return text


def checked_weekdays(text: str) -> str:
    """`text` itself, when it names days of the week."""
    read_weekdays(text)
    return text


def fires(schedule: "DaySchedule", after: datetime) -> Iterator[datetime]:
    """The moments at which its cron fires, UTC, in order; windows and blackouts are not asked. Ends some day."""
    if schedule.cron is None:
        return
    zone, last = ZoneInfo(schedule.timezone), after
    today = datetime.combine(after.astimezone(zone).date(), time())
    for wall in _wall_times(schedule, today - timedelta(days=1), today + timedelta(days=_FAR_DAYS)):
        if (moment := _moment(wall, zone)) > last:
            yield (last := moment)


def _wall_times(schedule: "DaySchedule", after: datetime, until: datetime) -> Iterator[datetime]:
    """The times of its cron on days on which anything may run: what cannot is not looked at minute by minute."""
    assert schedule.cron is not None
    while True:
        for wall in wall_times(schedule.cron, after):
            if wall > until:
                return
            if not _may_begin(schedule, wall.date()):
                after = datetime.combine(wall.date(), time.max)
                break
            yield wall
        else:
            return


def next_start(schedule: "DaySchedule", after: datetime) -> datetime | None:
    """The next moment, UTC, at which it both fires and may run; None when there is none."""
    return next((moment for moment in fires(schedule, after) if refusal(schedule, moment) is None), None)


def refusal(schedule: "DaySchedule", at: datetime) -> str | None:
    """Why the day may not run at that moment, in words; None when it may."""
    here = at.astimezone(ZoneInfo(schedule.timezone))
    for blackout in schedule.blackouts:
        if _in_blackout(blackout, here.date()):
            why = f" ({blackout.why})" if blackout.why else ""
            return f"{here:%Y-%m-%d} is in the blackout {_dates(blackout)}{why}"
    if schedule.windows and not any(_in_window(window, here) for window in schedule.windows):
        return f"{here:%a %H:%M} in {schedule.timezone} is outside of its windows: " + ", ".join(
            f"{window.days} {window.since}-{window.until}" for window in schedule.windows
        )
    return None


def _moment(wall: datetime, zone: ZoneInfo) -> datetime:
    first = wall.replace(tzinfo=zone, fold=0)
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall:
        return first.astimezone(UTC)
    return wall.replace(tzinfo=zone, fold=1).astimezone(UTC)


def _may_begin(schedule: "DaySchedule", day: date) -> bool:
    """Whether anything may run at some time of that day."""
    if any(_in_blackout(each, day) for each in schedule.blackouts):
        return False
    near = {day.isoweekday() % 7, (day - timedelta(days=1)).isoweekday() % 7}
    return not schedule.windows or any(near & read_weekdays(each.days) for each in schedule.windows)


def _in_blackout(blackout: "Blackout", day: date) -> bool:
    return blackout.since <= day.isoformat() <= (blackout.until or blackout.since)


def _dates(blackout: "Blackout") -> str:
    return f"{blackout.since} to {blackout.until}" if blackout.until else blackout.since


def _in_window(window: "Window", here: datetime) -> bool:
    clock, today = f"{here:%H:%M}", here.isoweekday() % 7
    days = read_weekdays(window.days)
    if window.since < window.until:
        return today in days and window.since <= clock < window.until
    return (today in days and clock >= window.since) or ((today - 1) % 7 in days and clock < window.until)
