"""Probes that really look, at fixed times, with one sample for every intended time."""

import asyncio
import errno
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest

from chaos.agent.commands import OUTPUT_BYTES, run_command
from chaos.agent.probing import MOST_IN_FLIGHT, sample_forever
from chaos.agent.windows import Windows, nearest_rank
from chaos.errors import NotSeen, ProbeError
from chaos.events import Clock
from chaos.probes.base import Probe
from chaos.probes.command import CommandProbe
from chaos.probes.http import HttpProbe
from chaos.probes.metric import MetricProbe
from chaos.probes.process import ProcessProbe
from chaos.probes.tcp import TcpProbe
from chaos.statistics.point_process import of_a_probe
from chaos.tolerances import UNJUDGED, Tolerance
from tests.agent.servers import OK, always, free_port, head, run, serving

Sample = tuple[str, float, Mapping[str, Any] | None, str | None, float]


@dataclass
class State:
    running: bool = True
    restarts: int = 0
    pid: int | None = 12


@dataclass
class Place:
    """Where the probes look."""

    clock: Clock = field(default_factory=Clock)
    windows: Windows = field(default_factory=Windows)
    processes: dict[str, State] = field(default_factory=dict)

    def now(self) -> float:
        return self.clock.now()

    async def run_command(self, command: Sequence[str], timeout_s: float) -> tuple[int, str]:
        return await run_command(command, timeout_s)


async def look(probe: Probe, place: Place | None = None) -> Mapping[str, Any]:
    return await probe.observe(place or Place())


def look_at(answer: Any, method: Literal["GET", "HEAD"] = "GET", timeout: float = 1.0) -> Mapping[str, Any]:
    async def work() -> Mapping[str, Any]:
        async with serving(answer) as port:
            return await look(HttpProbe(url=f"http://127.0.0.1:{port}/", method=method, timeout=timeout))

    return run(work())


async def _until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * 100_000)


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:-2])
    while True:
        await asyncio.sleep(0.02)
        writer.write(b"")


def test_http_sees_status_size_and_text() -> None:
    assert look_at(always(OK)) == {"status": 200, "bytes": 2, "body": "ok"}
    assert look_at(always(OK[:-2]), method="HEAD") == {"status": 200, "bytes": 0, "body": ""}


def test_http_counts_a_long_body_and_keeps_64_kib_of_it() -> None:
    seen = look_at(_until_closed)
    assert (seen["status"], seen["bytes"], len(seen["body"])) == (500, 100_000, 64 * 1024)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (_say_nothing, "timeout"),
        (_drip, "timeout"),
        (_close, "closed"),
        (always(b"220 smtp\r\n\r\n"), "bad_response"),
    ],
)
def test_http_says_in_a_word_why_it_saw_nothing(answer: Any, word: str) -> None:
    with pytest.raises(ProbeError, match=rf"^{word}$"):
        look_at(answer, timeout=0.1 if word == "timeout" else 10.0)


def test_http_opens_a_connection_for_each_look() -> None:
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await always(OK)(reader, writer)

    async def work() -> None:
        async with serving(answer) as port:
            for _ in range(3):
                await look(HttpProbe(url=f"http://127.0.0.1:{port}/"))

    run(work())
    assert connections == 3


def test_http_without_a_listener_is_refused() -> None:
    with pytest.raises(ProbeError, match=r"^refused$"):
        run(look(HttpProbe(url=f"http://127.0.0.1:{free_port()}/")))


def test_tcp_sees_whether_a_port_takes_connections() -> None:
    async def work() -> None:
        async with serving(_say_nothing) as port:
            assert await look(TcpProbe(port=port)) == {"connected": True}
            assert await look(TcpProbe(host="localhost", port=port)) == {"connected": True}
        assert await look(TcpProbe(port=port)) == {"connected": False}

    run(work())


def test_tcp_cannot_look_at_what_is_no_name() -> None:
    with pytest.raises(ProbeError, match=r"^unresolved$"):
        run(look(TcpProbe(host="a..b", port=1)))


def test_process_asks_the_supervisor() -> None:
    place = Place(processes={"web": State(running=False, restarts=2, pid=None)})
    assert run(look(ProcessProbe(process="web"), place)) == {"running": False, "restarts": 2, "pid": None}
    with pytest.raises(ProbeError, match="unknown"):
        run(look(ProcessProbe(process="database"), place))


def test_metric_asks_the_windows() -> None:
    place = Place()
    with pytest.raises(ProbeError, match="too few"):
        run(look(MetricProbe(metric="cpu"), place))
    place.windows.used(place.now(), 0.25, 0.5)
    assert run(look(MetricProbe(metric="cpu"), place)) == {"value": 0.25}


def shell(script: str, timeout: float = 5.0) -> Mapping[str, Any]:
    return run(look(CommandProbe(command=["sh", "-c", script], timeout=timeout)))


def test_command_sees_exit_code_and_all_it_printed() -> None:
    assert shell("echo out; echo err >&2; exit 3") == {"exit_code": 3, "output": "out\nerr\n"}
    assert shell("kill -9 $$")["exit_code"] == -9


def test_command_output_is_bounded_and_never_blocks_it() -> None:
    seen = shell("head -c 1000000 /dev/zero | tr '\\0' x")
    assert seen == {"exit_code": 0, "output": "x" * OUTPUT_BYTES}


def test_command_that_does_not_exist_says_so() -> None:
    with pytest.raises(ProbeError, match=r"^cannot run /no/such: No such file or directory$"):
        run(look(CommandProbe(command=["/no/such"])))


def alive(pid: int) -> bool:
    """Whether it still runs: a process that ended but was not reaped by init yet is dead enough."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False


def dies(pid: int) -> bool:
    """Whether it is gone within ten seconds: SIGKILL is sent, but on a busy machine not carried out, at once."""
    until = time.monotonic() + 10.0
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.005)
    return not alive(pid)


def test_command_that_takes_too_long_is_killed_with_all_it_started(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ProbeError, match=r"^timeout$"):
        shell(f"sleep 60 & echo $! > {tmp_path}/child; wait", timeout=0.3)
    assert 0.3 <= time.monotonic() - started < 20.0  # far from the 60 s it wanted
    assert dies(int((tmp_path / "child").read_text()))


def test_command_that_leaves_a_child_with_its_output_open_ends_all_the_same() -> None:
    started = time.monotonic()
    seen = shell("sleep 60 & echo $!", timeout=30.0)
    assert time.monotonic() - started < 20.0  # neither the child's 60 s nor the timeout
    assert dies(int(seen["output"]))


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_command_leaves_no_descriptor_open() -> None:
    before = descriptors()
    shell("true")
    with pytest.raises(ProbeError):
        run(look(CommandProbe(command=["/no/such"])))
    assert descriptors() == before


@dataclass(frozen=True, kw_only=True)
class Slow(Probe):
    """Takes its time."""

    type: str = "slow"
    every: float = 0.01
    takes: float = 0.0

    @property
    def subject(self) -> str:
        return "itself"

    async def observe(self, context: Any) -> Mapping[str, Any]:
        await asyncio.sleep(self.takes)
        return {"body": "text", "value": 1}


async def sampled(
    probe: Probe, for_s: float, place: Place | None = None, **options: Any
) -> tuple[list[dict[str, Any]], list[Sample]]:
    """The emitted events and what `on_sample` heard; checks that the two agree, one for each intended time."""
    events: list[dict[str, Any]] = []
    heard: list[Sample] = []

    def emit(type_: str, at: float | None = None, /, **data: Any) -> None:
        assert type_ == "probe.sampled"
        events.append({"at": at, **data})

    def on_sample(
        name: str, at: float, value: Mapping[str, Any] | None, error: str | None, took_s: float
    ) -> None:
        heard.append((name, at, value, error, took_s))

    until = asyncio.Event()
    place = place or Place()
    asyncio.get_running_loop().call_later(for_s, until.set)
    await sample_forever("name", probe, place.clock, emit, on_sample, place, until, **options)
    for event, (name, at, _, error, took_s) in zip(events, heard, strict=True):
        assert (event["probe"], event["at"], event["error"]) == (name, at, error)
        assert event["took_ms"] == pytest.approx(took_s * 1000, abs=0.001)
        assert 0 <= event["late_ms"] <= event["took_ms"]
    return events, heard


def test_each_interval_has_one_look_at_a_place_drawn_by_the_seed() -> None:
    events, _ = run(sampled(Slow(every=0.02), 0.5, seed=7))
    due = list(islice(of_a_probe("random", 0.02, 7, "name"), len(events)))
    began = events[0]["at"] - due[0]
    assert [event["at"] - began for event in events] == pytest.approx(due, abs=1e-5)
    assert all(k * 0.02 <= at < (k + 1) * 0.02 for k, at in enumerate(due))
    assert len(events) >= 24
    late_ms = [
        event["late_ms"] for event in events
    ]  # a drawn look is not late: it counts from its own moment
    assert 0 <= min(late_ms) <= nearest_rank(late_ms, 0.5) < 10


def test_evenly_spaced_looks_are_meant_for_fixed_times_and_none_is_missing() -> None:
    events, _ = run(sampled(Slow(every=0.02, arrivals="uniform"), 0.5))
    times = [event["at"] for event in events]
    assert times == pytest.approx([times[0] + k * 0.02 for k in range(len(times))], abs=1e-5)
    assert len(times) >= 25
    assert set(events[0]) == {"at", "probe", "late_ms", "took_ms", "value", "error"}


def test_slow_looks_overlap_and_are_waited_for() -> None:
    events, _ = run(sampled(Slow(every=0.02, takes=0.2), 0.3))
    assert len(events) >= 15
    assert all(event["took_ms"] >= 200 and event["error"] is None for event in events)


def test_too_many_slow_looks_are_skipped_on_the_record() -> None:
    events, _ = run(sampled(Slow(every=0.01, takes=2.0, arrivals="uniform"), 0.9))
    skipped = [event for event in events if event["error"] == "skipped"]
    assert len(events) - len(skipped) == MOST_IN_FLIGHT
    assert len(skipped) >= 90 - MOST_IN_FLIGHT
    assert all(event["value"] is None for event in skipped)


def test_failed_looks_are_samples_too() -> None:
    events, heard = run(sampled(HttpProbe(url=f"http://127.0.0.1:{free_port()}/", every=0.02), 0.1))
    assert {(event["value"], event["error"]) for event in events} == {(None, "refused")}
    assert len(heard) == len(events) >= 4


def test_text_that_no_tolerance_reads_stays_out_of_the_journal() -> None:
    events, heard = run(sampled(Slow(), 0.05, read_body=False))
    assert all(event["value"] == {"value": 1} for event in events)
    assert all(sample[2] == {"value": 1, "body": "text"} for sample in heard)
    events, _ = run(sampled(Slow(), 0.05))
    assert events[0]["value"] == {"value": 1, "body": "text"}


def test_a_metric_is_silent_while_there_is_no_number() -> None:
    place = Place()

    async def work() -> list[dict[str, Any]]:
        asyncio.get_running_loop().call_later(0.2, lambda: place.windows.used(place.now(), 0.5, 0.5))
        events, heard = await sampled(MetricProbe(metric="cpu", window=0.3, every=0.02), 0.9, place)
        assert len(heard) == len(events)  # nor does it trip a stop condition, or shake a baseline
        return events

    before = place.now()
    events = run(work())
    assert {(event["value"]["value"], event["error"]) for event in events} == {(0.5, None)}
    # The one usage sample leaves the window of 0.3 s after some 15 looks; then there is nothing to see.
    assert before + 0.15 <= events[0]["at"]
    assert events[-1]["at"] <= before + 0.8


@pytest.mark.parametrize("probe", [HttpProbe(url="http://127.0.0.1:9/"), TcpProbe(port=9)])
def test_our_own_lack_of_sockets_is_not_the_targets(probe: Probe) -> None:
    async def work() -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            await look(probe)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)

    with pytest.raises(NotSeen, match="exhausted"):
        run(work())


def test_our_own_lack_of_processes_is_not_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(NotSeen, match="cannot run true"):
        run(look(CommandProbe(command=["true"])))


def test_a_command_that_is_not_there_is_its_own_failure() -> None:
    with pytest.raises(ProbeError) as failure:
        run(look(CommandProbe(command=["/nowhere/at/all"])))
    assert not isinstance(failure.value, NotSeen)


def test_a_broken_probe_is_our_failure_and_not_a_bad_sample() -> None:
    class Broken(Slow):
        async def observe(self, context: Any) -> Mapping[str, Any]:
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        run(sampled(Broken(), 5.0))


def test_a_killed_server_is_seen_at_once_and_its_return_too() -> None:
    port = free_port()

    async def work() -> list[dict[str, Any]]:
        watching = asyncio.create_task(sampled(HttpProbe(url=f"http://127.0.0.1:{port}/", every=0.01), 0.9))
        for _ in range(2):
            async with serving(always(OK), port):
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.2)
        return (await watching)[0]

    seen = [event["error"] or "ok" for event in run(work())]
    runs = [now for before, now in zip(["", *seen], seen, strict=False) if now != before]
    # A connection may be cut in the very moment of closing; apart from that: up, down, up, down.
    assert [word for word in runs if word in ("ok", "refused")] == ["ok", "refused", "ok", "refused"]
    assert seen.count("refused") >= 10  # of 45 at the very best


def test_it_runs_as_the_agent_does_without_site_packages() -> None:
    """Whatever runs inside the sandbox must import nothing but the standard library."""
    root = Path(__file__).parents[2]
    modules = "load, probing, judging, windows, commands, loop; from chaos.probes import union"
    script = f"import sys; sys.path.insert(0, {str(root)!r}); from chaos.agent import {modules}"
    exit_code, output = run(run_command([sys.executable, "-I", "-S", "-c", script], 20.0))
    assert (exit_code, output) == (0, "")


def test_whether_a_text_matches_is_judged_once_and_written_down() -> None:
    assert sampled_of(b"aaaa", Tolerance(matches="^(a+)+$"))["value"]["matches"] is True
    seen = sampled_of(b"a" * 40 + b"b", Tolerance(matches="^(a+)+$"))
    assert (seen["value"]["matches"], seen["error"]) == (False, None)


def test_a_text_that_cannot_be_judged_in_time_is_neither_good_nor_bad() -> None:
    seen = sampled_of(b"ab" * 30_000, Tolerance(matches=".*a.{900}b$"))
    assert (seen["value"], seen["error"]) == (None, UNJUDGED)


def sampled_of(body: bytes, tolerance: Tolerance) -> dict[str, Any]:
    """The first look at an answer with that body."""
    written: list[dict[str, Any]] = []
    until = asyncio.Event()

    def emit(type_: str, at: float | None = None, /, **data: Any) -> None:
        written.append(data)
        until.set()

    async def work() -> None:
        async with serving(
            always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        ) as port:
            probe = HttpProbe(url=f"http://127.0.0.1:{port}/")
            place = Place()
            await sample_forever(
                "up", probe, place.clock, emit, lambda *_: None, place, until, tolerance=tolerance
            )

    run(work())
    return written[0]
