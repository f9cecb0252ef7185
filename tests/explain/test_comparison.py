"""A run beside the one before it: what changed is told, noise is not, and nothing strange is compared with."""

import json
import re
from math import exp
from pathlib import Path
from random import Random

import pytest

from chaos.analysis import judge
from chaos.analysis.latency import summarise
from chaos.analysis.result import LoadSummary, Result
from chaos.events import Event
from chaos.explain.comparison import compare, earlier, told
from chaos.explain.rules import analyze
from chaos.statistics.latencies import Request
from chaos.verdict import Verdict
from tests.journals import build
from tests.journals.telling import INJECTED, RECOVERED, Telling, in_a_row

NOW = "20261123-020000-shop-test-0000ff"


def write(folder: Path, run_id: str, events: list[Event] | None = None, text: str | None = None) -> None:
    (folder / run_id).mkdir()
    if events is not None:
        text = judge(events).model_copy(update={"run_id": run_id}).model_dump_json()
    if text is not None:
        (folder / run_id / "result.json").write_text(text)


def found(folder: Path) -> str | None:
    result = earlier(folder / NOW, "shop-test")
    return result.run_id if result else None


def test_the_newest_earlier_run_that_completed_is_taken(tmp_path: Path) -> None:
    write(tmp_path, NOW)
    assert found(tmp_path) is None
    write(tmp_path, "20261120-000000-shop-test-aaaaaa", build.held())
    write(tmp_path, "20261121-000000-shop-test-bbbbbb", build.held())
    write(tmp_path, "20261122-000000-shop-test-cccccc", build.baseline_off())
    write(tmp_path, "20261122-000001-shop-test-dddddd", text="{half a res")
    write(tmp_path, "20261122-000002-shop-test-eeeeee", text=json.dumps({"of": "another version"}))
    write(tmp_path, "20261122-000003-shop-test-eeeeef")
    write(tmp_path, "20261122-000004-other-shop-test-aaaaaa", build.held())
    write(tmp_path, "20261124-000000-shop-test-ffffff", build.held())
    assert found(tmp_path) == "20261121-000000-shop-test-bbbbbb"


def test_a_journal_that_was_moved_is_compared_with_nothing(tmp_path: Path) -> None:
    write(tmp_path, "20261120-000000-shop-test-aaaaaa", build.held())
    (tmp_path / "elsewhere").mkdir()
    assert earlier(tmp_path / "elsewhere", "shop-test") is None


def between(now: list[Event], then: list[Event], **changed: object) -> str:
    return told(compare(judge(now), judge(then).model_copy(update=changed)))


def test_the_same_again_is_told_as_nothing_changed() -> None:
    assert between(build.held(), build.held()) == (
        "As in the run of 2025-11-22 18:03 UTC: no difference that so many requests can show "
        "(error rates may differ by up to 14 points)."
    )
    a_little = Telling(slow={(INJECTED, RECOVERED): 0.34}).events()
    assert "no difference" in between(a_little, build.held())


def test_what_changed_is_told_with_both_numbers() -> None:
    said = between(build.deviated_fast_errors_are_not_fast(), build.held())
    assert said.startswith("Compared with the run of 2025-11-22 18:03 UTC: deviated now, held then; ")
    assert "49 % of the requests failed under the fault, then 0 %" in said
    assert "“healthy” was not seen good again, then good again after" in between(
        build.deviated_never_recovers(), build.held()
    )


def test_a_run_that_was_broken_off_says_nothing_of_coming_back() -> None:
    then = judge(build.held_killed_and_back())
    unknown = {"recovery_time_seconds": None, "verdict": Verdict.INCONCLUSIVE}
    states = [state.model_copy(update=unknown) for state in then.steady_state]
    broken_off = then.model_copy(update={"steady_state": states})
    assert "good again" not in told(compare(broken_off, then))
    assert "good again" not in told(compare(then, broken_off))


def test_what_so_few_requests_cannot_show_is_said_of_errors_and_latency() -> None:
    random, result = Random(5), judge(build.held())
    now, then = (result.model_copy(update={"load": {"fault": a_load(random, 250)}}) for _ in range(2))
    said = compare(now, then).unseen
    assert "error rates may differ by up to 2.6 points, p95 latencies by up to " in said
    [apart_ms] = re.findall(r"by up to (\d+) ms", said)
    load = now.load["fault"]
    assert load.p95_low is not None
    assert load.p95_high is not None
    assert 500 * (load.p95_high - load.p95_low) < float(apart_ms) < 3000 * (load.p95_high - load.p95_low)
    assert compare(now, then).changes == []


def test_a_series_is_compared_by_its_medians_and_says_how_far_they_may_be_apart() -> None:
    now, then = judge(series(8)), judge(series(8))
    assert "the median p95 under fault may differ by up to" in compare(now, then).unseen
    few = judge(series(3))  # whose medians have no interval of 95 %
    assert compare(few, few).unseen == ""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_differs_more_than_it_says_is_seen(seed: int) -> None:
    """Of 250 requests each, as many points more as it says could be unseen."""
    random, seen = Random(seed), 0
    for _ in range(20):
        worse = compared(a_load(random, 250, errors=0.02 + 0.09), a_load(random, 250, errors=0.02))
        seen += any("requests failed" in each for each in worse)
    assert seen >= 15


def test_another_version_is_told_as_such() -> None:
    assert "of another version of the experiment or its app" in between(
        build.held(), build.held(), digest="sha256:01"
    )


def test_the_summary_ends_with_it_and_the_result_holds_it() -> None:
    events = build.deviated_slow()
    before: Result = judge(build.held())
    analysis = analyze(judge(events), events, before)
    assert analysis.previous is not None
    assert analysis.previous.run_id == before.run_id
    assert analysis.summary.endswith(told(analysis.previous))
    assert analyze(judge(events), events).previous is None


def a_load(
    random: Random, count: int = 80, sigma: float = 0.5, errors: float = 0.0, slower: float = 1.0
) -> LoadSummary:
    """So many requests of a log-normal app whose median is 100 ms."""
    found = [
        Request(
            i / 20,
            took := slower * 0.1 * exp(random.gauss(0, sigma)),
            0.0,
            f,
            max(took, 2.0) if f else took,
            True,
        )
        for i in range(count)
        for f in ["http_503" if random.random() < errors else None]
    ]
    return summarise(found, count / 20)


def compared(now: LoadSummary, then: LoadSummary) -> list[str]:
    result = judge(build.held())
    one, other = (result.model_copy(update={"load": {"fault": load}}) for load in (now, then))
    return compare(one, other).changes


def series(count: int) -> list[Event]:
    """So many trials, each a bit slower than the one before."""
    asked = {"trials": count, "control": False}
    slow = [{(INJECTED, RECOVERED): 0.3 + trial / 100} for trial in range(1, count + 1)]
    return in_a_row(
        [Telling(trial=trial, series=asked, slow=each).events() for trial, each in enumerate(slow, start=1)]
    )


@pytest.mark.parametrize("about", [{"sigma": 0.5}, {"sigma": 1.0}, {"errors": 0.05}, {"errors": 0.1}])
@pytest.mark.parametrize("count", [80, 250])
def test_the_same_app_twice_is_rarely_different(about: dict[str, float], count: int) -> None:
    random = Random(5)
    result = [compared(a_load(random, count, **about), a_load(random, count, **about)) for _ in range(60)]
    assert sum(map(bool, result)) <= 4


def test_what_is_really_different_is_told() -> None:
    random = Random(5)
    told_of = [compared(a_load(random, 400, slower=2.0), a_load(random, 400)) for _ in range(20)]
    assert all("p95 latency" in changes[0] for changes in told_of)
    worse = [compared(a_load(random, 250, errors=0.2), a_load(random, 250, errors=0.02)) for _ in range(20)]
    assert sum(any("requests failed" in each for each in changes) for changes in worse) >= 19
