"""Remote write to a real Prometheus, and to stores that do not want it."""

import time
from pathlib import Path

import pytest

from chaos.cli import examination as doctor
from chaos.errors import PublishError
from chaos.publish.prometheus.samples import LAST_MS, STALE, MetricSeries, Sample, series
from chaos.publish.prometheus.store import Store, StoreAnswer, StoreOutcome
from chaos.settings import Settings
from tests.prometheus_fixture import Prometheus, prometheus
from tests.publish.prometheus.stores import stubborn

__all__ = ["prometheus"]

HOSTILE = 'a"} or up{x="\n\\ {{ $run }} </script> ${x} \t ü 🐙'


def one(name: str, **labels: str) -> MetricSeries:
    return series(name, labels)


def send(url: str, samples: list[Sample], **how: float) -> StoreAnswer:
    with Store(url) as store:
        return store.send(samples, **how)


def now_ms() -> int:
    return int(time.time() * 1000)


def test_what_prometheus_gives_back_is_what_was_written(prometheus: Prometheus) -> None:
    start = now_ms() - 60_000
    given = {
        one("written_one", run=HOSTILE): [0.0, -0.0, 1e-300, 1.5, 2**53, 1e300, 0.1 + 0.2],
        one("written_two", run="b"): [float(number) for number in range(700)],
    }
    samples = [
        Sample(each, start + 77 * index, value)
        for each, values in given.items()
        for index, value in enumerate(values)
    ]
    assert send(prometheus.write_url, samples).said is StoreOutcome.TAKEN
    for each, values in given.items():
        (found,) = prometheus.stored(each.name)
        assert found["metric"] == {"__name__": each.name, **dict(each.labels)}
        assert [(round(at * 1000), float(value)) for at, value in found["values"]] == [
            (start + 77 * index, value) for index, value in enumerate(values)
        ]


def test_a_bad_sample_takes_no_other_with_it(prometheus: Prometheus) -> None:
    """Prometheus refuses a whole request for one of them, or keeps one of three and says nothing."""
    start = now_ms() - 60_000
    shuffled = one("shuffled", run="a")
    samples = [
        Sample(shuffled, start + 20, 3.0),
        Sample(shuffled, start, 1.0),
        Sample(shuffled, start + 10, 2.0),
        Sample(shuffled, start + 10, 9.0),
        Sample(one("no_number", run="a"), start, float("nan")),
        Sample(one("no_time", run="a"), LAST_MS + 1, 1.0),
        Sample(one("before_all_time", run="a"), -1, 1.0),
    ]
    assert send(prometheus.write_url, samples).said is StoreOutcome.TAKEN
    (found,) = prometheus.stored("shuffled")
    assert [float(value) for _, value in found["values"]] == [1.0, 2.0, 3.0]


def test_a_series_that_ends_is_gone_at_once(prometheus: Prometheus) -> None:
    at = now_ms() - 5_000
    ending = one("ending", run="a")
    assert send(prometheus.write_url, [Sample(ending, at, 1.0)]).said is StoreOutcome.TAKEN
    assert len(prometheus.query("ending")) == 1
    assert send(prometheus.write_url, [Sample(ending, at + 100, STALE)]).said is StoreOutcome.TAKEN
    assert prometheus.query("ending") == []
    assert len(prometheus.query("ending", at / 1000)) == 1


def test_a_hundred_thousand_samples_are_written_fast(prometheus: Prometheus) -> None:
    start = now_ms() - 1_800_000
    many = [one("many", run="a", number=str(number)) for number in range(100)]
    batches = [
        [
            Sample(each, start + 100 * index, float(index))
            for index in range(first, first + 50)
            for each in many
        ]
        for first in range(0, 1000, 50)
    ]
    began = time.monotonic()
    with Store(prometheus.write_url) as store:
        assert all(store.send(batch).said is StoreOutcome.TAKEN for batch in batches)
    took_s = time.monotonic() - began
    print(f"100 000 samples in {took_s:.2f} s")
    assert prometheus.query("sum(count_over_time(many[1h]))")[0]["value"][1] == "100000"
    assert took_s < 6.0  # 0.3 s on a quiet machine


@pytest.mark.parametrize(
    ("status", "words", "said"),
    [
        (200, "", StoreOutcome.TAKEN),
        (204, "", StoreOutcome.TAKEN),
        (400, "out of order sample", StoreOutcome.NOT_THESE),
        (500, "too old sample", StoreOutcome.NOT_THESE),
        (500, "internal error", StoreOutcome.NOT_NOW),
        (429, "slow down", StoreOutcome.NOT_NOW),
        (503, "", StoreOutcome.NOT_NOW),
        (301, "", StoreOutcome.NOTHING),
        (401, "unauthorized", StoreOutcome.NOTHING),
        (403, "", StoreOutcome.NOTHING),
        (404, "404 page not found", StoreOutcome.NOTHING),
    ],
)
def test_an_answer_says_what_to_do(status: int, words: str, said: StoreOutcome) -> None:
    with stubborn(status, words) as store:
        answer = send(store.url, [Sample(one("a"), 1000, 1.0)])
    assert answer.said is said
    assert (str(status) in answer.why and words in answer.why) or said is StoreOutcome.TAKEN


def test_a_store_that_is_slow_or_away_is_said_to_be() -> None:
    with stubborn(after_s=60) as slow:
        answer = send(slow.url, [Sample(one("a"), 1000, 1.0)], within_s=0.2)
    assert answer == (StoreOutcome.NOT_NOW, f"{slow.url} did not answer in time")
    answer = send(slow.url, [Sample(one("a"), 1000, 1.0)])
    assert answer.said is StoreOutcome.NOT_NOW
    assert f"{slow.url} cannot be reached" in answer.why


@pytest.mark.parametrize(
    ("userinfo", "token", "header"),
    [
        ("me:p%40ss@", None, "Basic bWU6cEBzcw=="),
        ("", "planted-token", "Bearer planted-token"),
        ("", None, None),
    ],
)
def test_credentials_are_sent_and_never_shown(userinfo: str, token: str | None, header: str | None) -> None:
    with stubborn(403, "no") as away:
        url = away.url.replace("//", f"//{userinfo}")
        with Store(url, token) as store:
            answer = store.send([Sample(one("a"), 1000, 1.0)])
    assert away.headers[0].get("Authorization") == header
    assert away.headers[0]["X-Prometheus-Remote-Write-Version"] == "0.1.0"
    for shown in (answer.why, store.shown, store.url):
        assert "p@ss" not in shown
        assert "p%40ss" not in shown
        assert "planted" not in shown


def test_settings_name_the_store_and_keep_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("PROMETHEUS_URL", "PROMETHEUS_REMOTE_WRITE_URL", "PROMETHEUS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert Settings().metrics_store is None
    monkeypatch.setenv("PROMETHEUS_URL", "http://me:planted@prometheus:9090/")
    with Store.configured(Settings()) as store:
        assert store.shown == "http://prometheus:9090/api/v1/write"
    monkeypatch.setenv("PROMETHEUS_REMOTE_WRITE_URL", "https://mimir/api/v1/push?key=planted")
    with Store.configured(Settings()) as store:
        assert store.shown == "https://mimir/api/v1/push"
    assert "planted" not in repr(Settings())


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://a/b", "http://", "http://[planted", "http://a:b/"])
def test_what_is_no_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(PublishError, match="PROMETHEUS_URL") as refused:
        Store(url)
    assert "planted" not in str(refused.value)


def test_doctor_asks_the_store(prometheus: Prometheus) -> None:
    def says(url: str) -> tuple[str, str]:
        found = doctor.metrics(Settings(prometheus_remote_write_url=url))
        return found.level, found.says

    assert says(prometheus.write_url) == ("ok", f"{prometheus.write_url} takes them")
    with stubborn(401, "who are you?") as locked:
        level, words = says(locked.url.replace("//", "//me:planted@"))
    assert level == "degraded"
    assert "401 Unauthorized: who are you?" in words
    assert "planted" not in words
    assert says("prometheus:9090")[0] == "degraded"
