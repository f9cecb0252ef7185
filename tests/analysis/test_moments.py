"""Numbers for people: never all of it, nor nothing, when it is not."""

import pytest

from chaos.analysis.moments import percent
from chaos.report import scale


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (250 / 251, "99.6 %"),
        (0.9997, "99.97 %"),
        (0.999999, "almost 100 %"),
        (1.0, "100 %"),
        (0.994, "99 %"),
        (0.0001, "< 0.1 %"),
        (0.0, "0 %"),
    ],
)
def test_a_share_is_not_rounded_to_all_or_nothing(share: float, words: str) -> None:
    assert percent(share) == words


@pytest.mark.parametrize("share", [250 / 251, 0.9997, 0.999999, 0.00001])
def test_neither_in_the_report(share: float) -> None:
    words = scale.share(share).replace(scale.NBSP, " ")
    assert words not in ("100 %", "0 %")
