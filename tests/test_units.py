"""Quantities are read in base units, refused with what is allowed, and written so that they are read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.units import (
    BYTE_RATE,
    DRIFT,
    DURATION,
    POSITIVE_DURATION,
    RATE,
    SHARE,
    SIZE,
    TIME_OFFSET,
    Unit,
    amounts,
)


@pytest.mark.parametrize(
    ("unit", "text", "value"),
    [
        (DURATION, "300ms", 0.3),
        (DURATION, "10s", 10.0),
        (DURATION, "5 m", 300.0),
        (DURATION, "1.5h", 5400.0),
        (DURATION, "0s", 0.0),
        (SIZE, "512MiB", 512 * 2.0**20),
        (SIZE, "1GB", 1e9),
        (SIZE, "0.5KiB", 512.0),
        (SHARE, "80%", 0.8),
        (SHARE, "33.3%", 0.333),
        (RATE, "50/s", 50.0),
        (RATE, "30/m", 0.5),
        (BYTE_RATE, "10MiB/s", 10 * 2.0**20),
        (BYTE_RATE, "1.5KB/s", 1500.0),
        (TIME_OFFSET, "+1h", 3600.0),
        (TIME_OFFSET, "-5m", -300.0),
        (TIME_OFFSET, "30d", 30 * 86400.0),
        (DRIFT, "-500ppm", -0.0005),
    ],
)
def test_quantities_become_base_units(unit: Unit, text: str, value: float) -> None:
    assert unit.parse(text) == value


@pytest.mark.parametrize(
    ("unit", "value", "said"),
    [
        (DURATION, 5, "5 has no unit; write a duration such as 300ms"),
        (DURATION, 0.5, "0.5 has no unit"),
        (DURATION, True, "expected a duration such as 300ms, got true or false"),
        (DURATION, None, "got nothing"),
        (DURATION, "", "units: ms, s, m, h"),
        (DURATION, "5", "units: ms, s, m, h"),
        (DURATION, "-5s", "is not a duration"),
        (DURATION, "5S", "is not a duration"),
        (DURATION, "1e3s", "is not a duration"),
        (DURATION, "٣s", "is not a duration"),
        (DURATION, "nans", "is not a duration"),
        (DURATION, "8000h", "out of range; allowed: 0ms to 168h"),
        (POSITIVE_DURATION, "0s", "out of range; allowed: 1ms to 168h"),
        (SIZE, "1" * 5000 + "B", "is not a size"),
        (SIZE, "512M", "units: B, KiB"),
        (SHARE, "120%", "out of range; allowed: 0% to 100%"),
        (SHARE, "0.8", "units: %"),
        (RATE, "0/s", "out of range"),
        (RATE, "50/h", "units: /s, /m"),
        (BYTE_RATE, "10MiB", "units: B/s, KiB/s"),
        (BYTE_RATE, "0B/s", "out of range; allowed: 1B/s"),
        (TIME_OFFSET, "--5m", "is not a time offset such as +1h"),
        (TIME_OFFSET, "- 5m", "is not a time offset such as +1h"),
        (TIME_OFFSET, "-3651d", "out of range; allowed: -3650d to +3650d"),
        (DRIFT, "51%", "out of range; allowed: -50% to +50%"),
    ],
)
def test_what_is_no_quantity_is_refused_with_what_is_allowed(unit: Unit, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        unit.parse(value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (DURATION, 0.3, "300ms"),
        (DURATION, 90.0, "90s"),
        (DURATION, 3600.0, "1h"),
        (DURATION, 0.0, "0ms"),
        (DURATION, 0.0005, "0.5ms"),
        (SIZE, 512 * 2.0**20, "512MiB"),
        (SIZE, 1e6, "1MB"),
        (SHARE, 0.29, "29%"),
        (RATE, round(7 / 60, 9), "7/m"),
        (DURATION, float("inf"), "unlimited"),
        (TIME_OFFSET, 3600.0, "+1h"),
        (TIME_OFFSET, -300.0, "-5m"),
        (DRIFT, -0.0005, "-500ppm"),
    ],
)
def test_values_are_written_in_their_shortest_exact_form(unit: Unit, value: float, text: str) -> None:
    assert unit.format(value) == text


@given(st.integers(0, 10**9), st.sampled_from(["ms", "s", "m"]))
def test_a_duration_that_was_written_is_read_back_as_it_was(number: int, suffix: str) -> None:
    try:
        value = DURATION.parse(f"{number}{suffix}")
    except ValueError:
        return
    assert DURATION.parse(DURATION.format(value)) == value


@given(st.floats(0, 1))
def test_a_share_that_was_written_is_read_back_to_a_billionth(share: float) -> None:
    value = round(share, 9)
    assert SHARE.parse(SHARE.format(value)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, ""),
        ({"delay_ms": 300.0, "jitter_ms": 0.0}, "delay 300 ms, jitter 0 ms"),
        ({"failed": 1.0, "mode": "refuse"}, "100 % failed, mode refuse"),
        ({"loss_share": 0.025}, "loss 2.5 %"),
        ({"rate_bytes_per_s": 12500.0}, "rate 12,500 bytes/s"),
        ({"bytes_per_s": 1000.0}, "1,000 bytes/s"),
        ({"kills": 1.0}, "kills 1"),
    ],
)
def test_amounts_of_a_fault_have_their_units(asked: dict[str, object], words: str) -> None:
    assert amounts(asked) == words
