"""Values as people read them, and round axes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.report import scale


@pytest.mark.parametrize(
    ("writer", "value", "text"),
    [
        (scale.seconds, 0.0, "0 ms"),
        (scale.seconds, 0.00032, "320 µs"),
        (scale.seconds, 0.0053, "5.3 ms"),
        (scale.seconds, 0.32, "320 ms"),
        (scale.seconds, 0.99999, "1 s"),
        (scale.seconds, 12.34, "12.3 s"),
        (scale.seconds, 125, "2 min 5 s"),
        (scale.seconds, 600, "10 min"),
        (scale.share, 0.125, "12.5 %"),
        (scale.share, 0.00001, "< 0.1 %"),
        (scale.share, 0.0, "0 %"),
        (scale.share, 1.62, "162 %"),
        (scale.size, 144 * 2**20, "144 MiB"),
        (scale.size, 1536, "1.5 KiB"),
        (scale.size, 12, "12 B"),
        (scale.rate, 50.0, "50/s"),
        (scale.count, 12345, "12,345"),
        (scale.count, 0.5, "0.5"),
    ],
)
def test_writes(writer: scale.Writer, value: float, text: str) -> None:
    assert writer(value).replace(scale.NBSP, " ") == text


@given(st.floats(1e-6, 1e12), st.sampled_from([scale.seconds, scale.size, scale.share]), st.integers(2, 6))
def test_an_axis_covers_its_values_with_few_even_marks(high: float, writer: scale.Writer, marks: int) -> None:
    found = scale.axis(high, writer, marks)
    assert found[0] == 0
    assert found[-1] >= high * (1 - 1e-6)
    assert 1 <= len(found) - 1 <= marks + 1
    assert all(after > before for before, after in pairwise(found))


@pytest.mark.parametrize("high", [0.0, -1.0, float("nan"), float("inf")])
def test_an_axis_of_nothing_is_still_an_axis(high: float) -> None:
    assert scale.axis(high, scale.seconds)[-1] == 1.0


@pytest.mark.parametrize(
    ("length", "marks"),
    [
        (100.0, [0, 20, 40, 60, 80, 100]),
        (7.5, [0, 2, 4, 6]),
        (300.0, [0, 60, 120, 180, 240, 300]),
        (0.0, [0]),
    ],
)
def test_times_are_round_by_the_clock(length: float, marks: list[float]) -> None:
    assert scale.moments(length) == marks


def test_bytes_have_binary_marks() -> None:
    assert scale.axis(300 * 2**20, scale.size, 3) == [0, 100 * 2**20, 200 * 2**20, 300 * 2**20]
