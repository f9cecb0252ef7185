"""When a game day may run and when it will: the wall clock of its time zone, also over changes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from prefect.server.schemas.schedules import CronSchedule
from pydantic_core import PydanticCustomError

from chaos.manifests.models.calendar import fires, next_start, refusal
from chaos.manifests.models.cron import checked_cron
from chaos.manifests.models.game_day import DaySchedule


def schedule(**said: Any) -> DaySchedule:
    return DaySchedule.model_validate({"timezone": "Europe/Berlin", **said})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BACK = utc("2026-10-24T12:00")
"""Clocks go back on the morning after: 03:00 is 02:00 again."""
FORWARD = utc("2027-03-27T12:00")
"""Clocks go forward on the morning after: 02:00 is 03:00."""


@pytest.mark.parametrize("cron", ["0 9 * * *", "30 2 * * *", "*/30 2 * * *", "15 * * * *", "0 9 13 * 5"])
@pytest.mark.parametrize("start", [BACK, FORWARD], ids=["back", "forward"])
def test_it_fires_when_prefect_fires(cron: str, start: datetime) -> None:
    theirs = asyncio.run(CronSchedule(cron=cron, timezone="Europe/Berlin").get_dates(8, start=start))
    expected = [datetime.fromtimestamp(each.timestamp(), UTC) for each in theirs]
    assert list(islice(fires(schedule(cron=cron), start), 8)) == expected


def field(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """A field as people write it, and as nobody should: numbers, ranges, steps, lists of them, stars among them."""
    number = st.one_of(st.integers(low, high).map(str), *([st.sampled_from(names)] if names else []))
    part = st.one_of(
        st.just("*"),
        number,
        st.tuples(number, number).map("-".join),
        st.tuples(
            st.one_of(st.just("*"), number, st.tuples(number, number).map("-".join)), st.integers(1, 40)
        ).map(lambda each: f"{each[0]}/{each[1]}"),
    )
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


ANY_CRON = st.tuples(
    field(0, 59), field(0, 23), field(1, 31), field(1, 12, ("jan", "DEC")), field(0, 7, ("sun", "MON"))
).map(" ".join)


@given(cron=ANY_CRON, back=st.booleans(), zone=st.sampled_from(["Europe/Berlin", "America/New_York", "UTC"]))
@settings(max_examples=30)
def test_whatever_is_taken_fires_when_prefect_fires(cron: str, back: bool, zone: str) -> None:
    try:
        checked_cron(cron)
    except PydanticCustomError:
        reject()
    start = (BACK if back else FORWARD) - timedelta(seconds=30)  # theirs may fire at the start itself
    theirs = asyncio.run(CronSchedule(cron=cron, timezone=zone).get_dates(5, start=start))
    expected = [datetime.fromtimestamp(each.timestamp(), UTC) for each in theirs]
    assert list(islice(fires(schedule(cron=cron, timezone=zone), start), 5)) == expected


def test_nine_in_the_morning_is_nine_in_the_morning_on_both_sides_of_a_change() -> None:
    daily = fires(schedule(cron="0 9 * * *"), BACK - timedelta(days=1))
    assert [f"{each:%d %H:%M}" for each in islice(daily, 3)] == ["24 07:00", "25 08:00", "26 08:00"]


@pytest.mark.parametrize(
    ("at", "may"),
    [
        ("2026-11-23T07:59", False),  # a Monday, 08:59 in Berlin
        ("2026-11-23T08:00", True),
        ("2026-11-23T15:59", True),
        ("2026-11-23T16:00", False),
        ("2026-11-22T10:00", False),  # a Sunday
        ("2026-12-24T10:00", False),
        ("2026-12-23T10:00", True),
        ("2027-01-01T10:00", False),
        ("2027-01-04T10:00", True),
        ("2026-07-06T07:00", True),  # 09:00 in summer
    ],
)
def test_windows_and_blackouts_are_of_its_own_time_zone(at: str, may: bool) -> None:
    rules = schedule(
        windows=[{"days": "mon-fri", "from": "09:00", "until": "17:00"}],
        blackouts=[{"from": "2026-12-24", "until": "2027-01-02", "why": "freeze"}],
    )
    why = refusal(rules, utc(at))
    assert (why is None) is may
    assert why is None or "windows: mon-fri 09:00-17:00" in why or "(freeze)" in why


def test_a_window_may_last_over_midnight() -> None:
    night = schedule(windows=[{"days": "fri", "from": "22:00", "until": "04:00"}])
    hours = [
        "2026-11-27T20:59",
        "2026-11-27T21:00",
        "2026-11-28T02:59",
        "2026-11-28T03:00",
        "2026-11-28T21:30",
    ]
    assert [refusal(night, utc(each)) is None for each in hours] == [False, True, True, False, False]


def test_the_next_start_leaves_out_what_may_not_be() -> None:
    rules = schedule(
        cron="0 9 * * *",
        windows=[{"days": "mon-fri"}],
        blackouts=[{"from": "2026-12-24", "until": "2027-01-02"}],
    )
    assert next_start(rules, utc("2026-12-23T12:00")) == utc("2027-01-04T08:00")
    assert next_start(schedule(cron="0 3 * * *", windows=[{"from": "09:00"}]), BACK) is None
    assert next_start(schedule(), BACK) is None
