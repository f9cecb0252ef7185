"""Advice is right about causes: queues and their capacity, pools, refused against silent peers, data that a disk lost.

Each story is one that has been advised on wrongly, or its sibling; what is wrong to say is asserted, too.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from chaos.analysis import judge
from chaos.events import Event
from chaos.explain.rules import analyze, cited
from tests.journals.telling import END, HEALTHY, HOLD, INJECTED, RECOVERED, SLOW_NETWORK, START, Telling, drop

Answer = tuple[float, int | None, str | None]
"""Seconds it took, status, error."""
WELL: Answer = (0.012, 200, None)


def told(
    answer: Callable[[float], Answer],
    step: Mapping[str, Any] = SLOW_NETWORK,
    rate: float = 30.0,
    late_ms: float = 0.1,
    log: Sequence[tuple[float, str]] = (),
    telling: Telling | None = None,
) -> list[Event]:
    """A run whose load got these answers, by the moment each was sent."""
    telling = telling or Telling(step=dict(step), log=log)
    telling.events()
    telling.written = [each for each in telling.written if each[1].type != "load.sampled"]
    for number in range(round(END * rate)):
        at = round(number / rate, 6)
        took, status, error = answer(at)
        said = {"late_ms": late_ms, "took_ms": round(took * 1000, 3), "status": status, "error": error}
        telling.tell(at, "load.sampled", took, **said, bytes=12 if status else 0)
    ordered = [event for _, event in sorted(telling.written, key=lambda pair: pair[0])]
    return [Event(e.type, e.at, e.data, e.source, seq) for seq, e in enumerate(ordered, start=1)]


def places(many: int, held_s: float, patience_s: float, usual_s: float = 0.012) -> Callable[[float], Answer]:
    """So many workers or connections; who waits longer than `patience_s` for one gets a 500 then."""
    free = [0.0] * many

    def answer(at: float) -> Answer:
        begin = max(at, free[0])
        if begin - at > patience_s:
            return patience_s, 500, "http_500"
        took = held_s if INJECTED <= at < RECOVERED else usual_s
        heapq.heapreplace(free, begin + took)
        return begin + took - at, 200, None

    return answer


def during(failing: Answer) -> Callable[[float], Answer]:
    return lambda at: failing if INJECTED <= at < RECOVERED else WELL


def said(events: Sequence[Event]) -> str:
    """All recommendations, their evidence before each."""
    return "\n".join(analyze(judge(events), events).recommendations)


@pytest.mark.parametrize(("many", "held_s"), [(4, 0.3), (5, 0.2), (2, 0.1), (8, 0.5)])
def test_a_pool_that_is_too_small_is_told_by_its_size_over_the_time_each_is_held(
    many: int, held_s: float
) -> None:
    found = said(told(places(many, held_s, 1.0), rate=40.0))
    assert f"about {many} at a time, each held for {held_s * 1000:.0f} ms" in found
    assert "while the load alone offered 40." in found
    assert "Capacity is the number of workers or pooled connections, divided by the time" in found


def looked_at(url: str, every: float, **more: Any) -> dict[str, Any]:
    probe = {"type": "http", "url": url, "every": every, "timeout": 1.0}
    return {**HEALTHY, "name": url, "probe": probe, "budget": 1.0, **more}


def told_beside(
    answer: Callable[[float], Answer],
    state: Mapping[str, Any],
    of_look: Callable[[float], Answer],
    rate: float,
) -> list[Event]:
    """A run whose load and looks are served in the order in which they come."""
    every = state["probe"]["every"]
    moments = sorted(
        [(number / rate, "load.sampled") for number in range(round(END * rate))]
        + [((number + 0.5) * every, "probe.sampled") for number in range(round(END / every))]
    )
    answers = [(at, kind, (answer if kind == "load.sampled" else of_look)(at)) for at, kind in moments]
    by_load = iter([got for _, kind, got in answers if kind == "load.sampled"])
    telling = Telling(states=[dict(state)])
    events = [
        e for e in told(lambda at: next(by_load), rate=rate, telling=telling) if e.type != "probe.sampled"
    ]
    for at, kind, (took, status, error) in answers:
        if kind == "probe.sampled":
            value = {"status": status, "bytes": 2, "body": "ok"} if status else None
            said = {"probe": state["name"], "late_ms": 0.1, "took_ms": took * 1000, "value": value}
            events.append(Event(kind, START + at, {**said, "error": None if status else error}, "agent"))
    ordered = sorted(events, key=lambda event: event.at + event.data.get("took_ms", 0.0) / 1000)
    return [Event(e.type, e.at, e.data, e.source, seq) for seq, e in enumerate(ordered, start=1)]


LOADED = "http://127.0.0.1:8000/checkout"


@pytest.mark.parametrize(
    ("many", "held_s", "rate"), [(2, 0.1, 20.0), (2, 0.1, 30.0), (1, 0.1, 8.0), (4, 0.3, 12.0)]
)
@pytest.mark.parametrize("url", [LOADED, "http://localhost:8000/other"])
def test_places_that_looks_take_are_counted_too(many: int, held_s: float, rate: float, url: str) -> None:
    """Told by the load's answers alone, a pool of two beside a look each 100 ms is one of one."""
    served = places(many, held_s, 1.0)
    found = said(told_beside(served, looked_at(url, 0.1), served, rate))
    number = f"about {many} at a time" if many > 1 else "one at a time"
    assert f"{number}, each held for {held_s * 1000:.0f} ms" in found, found
    assert " by the load, 10.0 by looks at the same server): later ones took" in found, found


@pytest.mark.parametrize(
    ("url", "of_look"),
    [
        ("http://127.0.0.1:8000/health", lambda at: (0.002, 200, None)),  # takes no place
        ("http://127.0.0.1:9000/checkout", lambda at: (0.3, 200, None)),  # another server
        (LOADED, lambda at: (1.0, None, "timeout")),  # nobody knows whether one was held
    ],
)
def test_looks_that_take_no_place_are_not_counted(url: str, of_look: Callable[[float], Answer]) -> None:
    found = said(told_beside(places(4, 0.3, 1.0), looked_at(url, 0.1), of_look, 40.0))
    assert "about 4 at a time, each held for 300 ms" in found
    assert "while the load alone offered 40." in found


def test_a_queue_is_no_call_that_is_made_ten_times() -> None:
    """One round trip of 300 ms, and p95 is a second: the rest is waiting."""
    found = said(told(places(4, 0.31, 1.0)))
    assert "make the calls in parallel" not in found
    assert "The delay exceeds a deadline" not in found
    twice = said(told(places(4, 0.62, 1.0)))
    assert "2.0 times the delay of one round trip" in twice
    assert "make the calls in parallel" not in twice, "they are those of one transaction"
    assert "a second were answered, about 4 at a time, each held for 620 ms" in twice


def test_a_load_that_was_a_little_late_does_not_hide_a_long_wait_and_may_be_a_short_one() -> None:
    assert "about 4 at a time" in said(told(places(4, 0.31, 1.0), late_ms=57.0))
    assert "at a time" not in said(told(places(4, 0.31, 1.0), late_ms=900.0))


def test_a_single_worker_is_told_as_one() -> None:
    found = said(told(places(1, 0.2, 1.5)))
    assert "one at a time, each held for 200 ms" in found
    assert "Work is done one request at a time" in found
    assert "Catch" not in found.split("Work is done")[0]


def test_want_of_cpu_is_not_met_by_more_workers() -> None:
    throttle = {"name": "less cpu", "fault": {"type": "cpu_throttle", "cpu": 0.5}, "hold_s": HOLD}
    found = said(told(places(2, 0.2, 1.5), step=throttle))
    assert "more workers add none" in found
    assert "number of workers or pooled" not in found


@pytest.mark.parametrize(
    "answer",
    [
        during((0.32, 200, None)),  # a delay that is paid once
        places(40, 0.31, 1.0),  # room for all
        lambda at: (max(0.0, RECOVERED - at) + 0.01, 200, None) if INJECTED <= at < RECOVERED else WELL,  # a pause
        lambda at: (2.0, None, "timeout") if INJECTED <= at < RECOVERED and int(at * 30) % 2 else WELL,  # one of two
        during((2.0, None, "timeout")),
    ],
)  # fmt: skip
def test_what_is_no_queue_is_not_called_one(answer: Callable[[float], Answer]) -> None:
    found = said(told(answer))
    assert "at a time" not in found
    assert "Capacity is" not in found
    assert "queued" not in found.lower()


POOL_LINES = [
    "psycopg_pool.PoolTimeout: couldn't get a connection after 1.00 sec",
    "sqlalchemy.exc.TimeoutError: QueuePool limit of size 3 overflow 2 reached, connection timed out",
    "HikariPool-1 - Connection is not available, request timed out after 1000ms.",
    "FATAL:  sorry, too many clients already",
    "Error: timeout exceeded when trying to connect",
    "java.util.concurrent.RejectedExecutionException: Task rejected from ThreadPoolExecutor",
    "concurrent.futures: thread pool of 8 timed out",
    "redis.exceptions.ConnectionError: No connection available: connection pool exhausted",
]


@pytest.mark.parametrize("line", POOL_LINES)
def test_a_pool_that_times_out_is_told_by_its_own_words(line: str) -> None:
    log = [(3.0 + 0.1 * number, line) for number in range(20)]
    found = said(told(places(4, 0.3, 1.0), log=log))
    assert "20 log lines say that a pool had no free place" in found
    assert "failed requests had waited 1.0 s" in found
    assert "Size the pool by the rate of requests times the time" in found


SILENT = {"type": "dependency_failure", "process": "db", "mode": "blackhole"}
REFUSED = {"type": "dependency_failure", "process": "db", "mode": "refuse"}


def step(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": "db away", "fault": dict(fault), "hold_s": HOLD}


def test_a_pool_whose_places_never_come_back_is_not_to_be_made_larger() -> None:
    log = [(3.0 + 0.1 * number, POOL_LINES[0]) for number in range(20)]
    found = said(told(during((1.0, 500, "http_500")), step=step(SILENT), log=log))
    assert "a larger pool would only fill later" in found
    assert "Size the pool" not in found


def test_a_silent_dependency_wants_timeouts_and_no_retries() -> None:
    found = said(told(during((1.5, 503, "http_503")), step=step(SILENT)))
    assert "requests failed (http_503), 1.5 s after they were sent" in found
    assert "short timeouts of their own" in found
    assert "retry with backoff" not in found


def test_a_refused_dependency_wants_no_timeouts() -> None:
    found = said(told(during((0.004, 503, "http_503")), step=step(REFUSED)))
    assert "requests failed (http_503), 4 ms after they were sent" in found
    assert "Shorter timeouts would change nothing" in found
    assert "short timeouts of their own" not in found


def test_requests_kept_although_the_dependency_refused_at_once() -> None:
    found = said(told(during((2.0, None, "timeout")), step=step(REFUSED)))
    assert "absence was known at once, and requests were still kept" in found
    assert "A dependency that does not answer" not in found
    assert "A dependency that does not answer" in said(
        told(during((2.0, None, "timeout")), step=step(SILENT))
    )


def test_users_who_were_refused_were_refused_by_the_front() -> None:
    found = said(told(during((0.001, None, "refused")), step=step(REFUSED)))
    assert "Nobody listened in front of the dependency either" in found
    assert "The dependency's refusal reached users" not in found


FULL = {"name": "no room", "fault": {"type": "disk_full", "path": "/data", "leave": 0.0}, "hold_s": HOLD}
ENOSPC = "OSError: [Errno 28] No space left on device"


@pytest.mark.parametrize(
    "line",
    [
        f"WARNING order 7 not kept: {ENOSPC}",
        "ERROR:  could not extend file \"base/5/16386\": No space left on device",
        "Write error saving DB on disk: No space left on device",
        "java.io.IOException: No space left on device",
        "Error: ENOSPC: no space left on device, write",
        "[Errno 122] Disk quota exceeded",
    ],
)  # fmt: skip
def test_data_that_a_disk_refused_while_users_were_told_all_is_well(line: str) -> None:
    found = said(told(lambda at: WELL, step=FULL, log=[(3.0, line), (3.5, line)]))
    assert "2 log lines of “web” say that a disk refused a write, first at 18:03:13Z" in found
    assert "requests got a good answer" in found
    assert "Acknowledge a write only after it has succeeded" in found
    assert "answer without" not in found.lower()


def test_a_stack_trace_beside_good_answers_is_no_failed_request() -> None:
    log = [(3.0, "Traceback (most recent call last):"), (3.01, ENOSPC)]
    found = said(told(lambda at: WELL, step=FULL, log=log))
    assert "Acknowledge a write only after it has succeeded" in found
    assert "let it become a stack trace" not in found


@pytest.mark.parametrize(
    "lines",
    [
        ["--- Logging error ---", "Traceback (most recent call last):", ENOSPC, "Call stack:"],
        [
            '2026/01/01 10:00:00 [crit] 7#7: *1 write() to "/data/access.log" failed (28: No space left on device)'
        ],
    ],
)
def test_what_a_logger_swallowed_is_told_as_that(lines: Sequence[str]) -> None:
    log = [(3.0 + 0.3 * turn + 0.01 * number, line) for turn in range(4) for number, line in enumerate(lines)]
    found = said(told(lambda at: WELL, step=FULL, log=log))
    assert "What was written through this logger meanwhile is lost" in found
    assert "Users were told that all is well" not in found


def test_a_failed_request_on_a_full_disk_is_no_failed_write_without_a_sign_of_one() -> None:
    failed = during((0.01, 500, "http_500"))
    assert "A failed write became a failed request" not in said(told(failed, step=FULL))
    assert "A failed write became a failed request" in said(told(failed, step=FULL, log=[(3.0, ENOSPC)]))


def test_no_advice_without_its_evidence() -> None:
    stories = [
        told(places(4, 0.3, 1.0)),
        told(lambda at: WELL, step=FULL, log=[(3.0, ENOSPC)]),
        told(during((1.5, 503, "http_503")), step=step(SILENT)),
        drop(told(places(1, 0.2, 1.5)), lambda event: event.at - START > 4.0),
    ]
    for events in stories:
        assert all(evidence and what for evidence, what in cited(judge(events), events))
        calm = [event for event in events if event.type != "load.sampled"]
        assert "a second were answered" not in said(calm)
