"""A schedule fires at some time, in a time zone that exists."""

import pytest
from pydantic_core import PydanticCustomError

from chaos.manifests.models.cron import checked_cron, checked_timezone


@pytest.mark.parametrize(
    "text",
    [
        "0 9 * * 1-5",
        "*/15 * * * *",
        "0 0 29 2 *",
        "5,10-20/5 0-23/2 1,15 jan-MAR sun",
        "0 0 31 2 1",
        "0 0 * * 7",
    ],
)
def test_schedules_that_fire_are_kept_as_they_are(text: str) -> None:
    assert checked_cron(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "got 0"),
        ("@daily", "got 1"),
        ("0 0 0 * * *", "got 6"),
        ("60 * * * *", "minute '60' is not within 0 to 59"),
        ("* 24 * * *", "hour '24'"),
        ("* * 0 * *", "day of month '0'"),
        ("* * * 13 *", "month '13'"),
        ("* * * * 8", "day of week '8'"),
        ("5-1 * * * *", "runs backwards"),
        ("*/0 * * * *", "steps by 0"),
        ("a * * * *", "minute 'a' is not within"),
        ("1- * * * *", "minute '1-' is not a number"),
        ("0 0 31 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 9-9 * * *", "hour '9-9' is one value, and Prefect would take it for every one; write 9"),
        ("59/5 * * * *", "minute '59/5' is one value"),
        ("0 9 * * 7/2", "day of week '7/2' is one value"),
        ("0 9 * * 2-7/3", "day of week '2-7/3' is read differently by Prefect"),
        ("0 0 L * *", "day of month 'L' is not within"),
        ("0 0 * * 5#2", "day of week '5#2' is not a number"),
        ("0 0 * * 5L", "day of week '5L' is not within"),
    ],
)
def test_schedules_that_cannot_fire_are_refused_with_the_field(text: str, said: str) -> None:
    with pytest.raises(PydanticCustomError, match=said.replace("*", "\\*")):
        checked_cron(text)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/localtime", "Mars/Base", "", "Europe", "a\0b", "x" * 5000]
)
def test_time_zones_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(PydanticCustomError, match="IANA name"):
        checked_timezone(name)
