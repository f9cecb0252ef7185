"""Which requests a bound of latency counts, and which of them are within it."""

from chaos.statistics.latencies import Request, judged, unanswered

TIMEOUT_S = 2.0


def sent(at: float, took_s: float, failure: str | None = None) -> Request:
    counted_s = took_s if failure is None else max(took_s, TIMEOUT_S)
    return Request(at, took_s, 0.0, failure, counted_s, True)


def bad_of(found: list[Request], within_s: float = 0.5) -> tuple[int, int]:
    counted = judged(found, within_s, 1.0)
    return sum(not good for _, good in counted), len(counted)


def test_an_error_at_once_is_neither_good_nor_bad() -> None:
    found = [sent(i / 10, 0.05, "http_503" if i % 3 == 0 else None) for i in range(60)]
    assert bad_of(found) == (0, 40)


def test_an_error_that_took_longer_than_the_bound_is_bad() -> None:
    found = [sent(i / 10, 0.9 if i % 3 == 0 else 0.05, "http_504" if i % 3 == 0 else None) for i in range(60)]
    assert bad_of(found) == (20, 60)


def test_a_timeout_is_within_no_bound() -> None:
    found = [sent(i / 10, 2.0 if i == 5 else 0.05, "timeout" if i == 5 else None) for i in range(20)]
    assert bad_of(found, within_s=0.5) == (1, 20)
    assert bad_of(found, within_s=3.0) == (1, 20)


def test_as_long_as_a_window_of_nothing_but_failures_is_bad() -> None:
    found = [sent(i / 10, 0.001, "refused" if 20 <= i < 40 else None) for i in range(60)]
    assert bad_of(found) == (20, 60)
    short = [sent(i / 10, 0.001, "refused" if 20 <= i < 29 else None) for i in range(60)]
    assert bad_of(short) == (0, 51)
    assert unanswered([sent(i / 10, 0.001, "refused") for i in range(9)], 1.0) == set()


def test_an_outage_to_the_end_lasts_until_its_last_failure() -> None:
    found = [sent(i / 10, 0.05, "refused" if i >= 10 else None) for i in range(21)]
    assert bad_of(found) == (11, 21)
