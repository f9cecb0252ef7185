"""Open-loop load against real servers: punctual, honest about hangs, one sample for each intended request."""

import asyncio
import os
import signal
import socket as sockets
import struct
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

import pytest

from chaos.agent.load import OpenLoop
from chaos.agent.probing import sample_forever
from chaos.agent.windows import Windows, nearest_rank
from chaos.events import Clock
from chaos.probes.http import HttpProbe
from chaos.run_spec.codec import decode
from chaos.run_spec.parts import LoadSpec
from chaos.statistics.point_process import of_the_load
from tests.agent.servers import OK, always, free_port, head, run, server_process, serving
from tests.agent.test_probing import Place

pytestmark = pytest.mark.paired

EVEN = {"arrivals": "uniform", "connection_use": "reuse"}


class Journal:
    """Keeps what is emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, float | None, Mapping[str, Any]]] = []

    def __call__(self, type_: str, at: float | None = None, /, **data: Any) -> None:
        self.events.append((type_, at, data))

    @property
    def samples(self) -> list[Mapping[str, Any]]:
        return [data for type_, _, data in self.events if type_ == "load.sampled"]

    def outcomes(self) -> Counter[Any]:
        return Counter(sample["error"] or sample["status"] for sample in self.samples)

    def took_ms(self, share: float) -> float:
        return nearest_rank([sample["took_ms"] for sample in self.samples], share)


def told(order: dict[str, Any]) -> LoadSpec:
    return decode(LoadSpec, order, strict=False)


async def loaded(port: int, for_s: float, rate: float, **order: Any) -> Journal:
    """Load that port; checks that every intended request got exactly one sample, at its intended time."""
    journal = Journal()
    order = {"url": f"http://127.0.0.1:{port}/", "rate_per_s": rate, "timeout_s": 1.0} | EVEN | order
    until = asyncio.Event()
    asyncio.get_running_loop().call_later(for_s, until.set)
    await OpenLoop(told(order), journal, Windows(), Clock()).run(until)
    type_, began, said = journal.events[0]
    assert type_ == "load.started"
    assert (said["url"], said["rate_per_s"], said["arrivals"]) == (order["url"], rate, "uniform")
    assert began is not None
    assert journal.events[-1] == ("load.ended", None, {"sent": len(journal.samples)})
    times = sorted(at for type_, at, _ in journal.events if type_ == "load.sampled" and at is not None)
    assert times == pytest.approx([began + k / rate for k in range(len(times))], abs=1e-5)
    # Requests are due from the first moment to the last; a loaded machine may see `until` a little later.
    assert int(for_s * rate) <= len(times) <= for_s * rate + 1 + 0.5 * rate
    return journal


def load(answer: Any, for_s: float = 0.15, rate: float = 100, **order: Any) -> Journal:
    async def work() -> Journal:
        async with serving(answer) as port:
            return await loaded(port, for_s, rate, **order)

    return run(work())


def test_200_per_second_are_sent_on_time_and_measured_truly() -> None:
    port = free_port()
    with server_process(port, after_s=0.02):
        journal = run(loaded(port, 1.5, 200))
    assert journal.outcomes() == {200: len(journal.samples)}
    # The server waits 20 ms. What is more is the machine's: under 2 ms when idle, tens with every core taken.
    assert 20 <= journal.took_ms(0.5) < 120
    # Usually 0.2 ms, and never early. Whoever waited for answers would be a second late in the end.
    late_ms = [sample["late_ms"] for sample in journal.samples]
    assert min(late_ms) >= 0
    assert nearest_rank(late_ms, 0.5) < 100
    assert all(sample["bytes"] == 2 for sample in journal.samples)


async def closed_loop(port: int, for_s: float) -> list[float]:
    """What a client measures that waits for each answer before it asks again; milliseconds."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    until, took = loop.time() + for_s, []
    while (sent := loop.time()) < until:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readexactly(len(OK))
        took.append((loop.time() - sent) * 1000)
        await asyncio.sleep(0.005 - (loop.time() - sent))
    writer.close()
    await writer.wait_closed()
    return took


def test_a_hang_that_a_closed_loop_hides_is_seen() -> None:
    port = free_port()

    async def work(pid: int) -> tuple[Journal, list[float]]:
        loop = asyncio.get_running_loop()
        loop.call_later(0.6, os.kill, pid, signal.SIGSTOP)
        loop.call_later(1.1, os.kill, pid, signal.SIGCONT)
        return await asyncio.gather(loaded(port, 2.0, 200), closed_loop(port, 2.0))

    with server_process(port) as server:
        journal, closed = run(work(server.pid))
    assert journal.outcomes() == {200: len(journal.samples)}
    # A quarter of the requests fell into the hang and waited 0 to 500 ms: 5 % of all waited more than 400 ms.
    assert journal.took_ms(0.95) > 300
    assert journal.took_ms(0.99) > 400
    # The closed loop sent one request in that half second, of some 300, and calls it one slow answer.
    assert nearest_rank(closed, 0.95) < journal.took_ms(0.95) / 2


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\nTrailer: x\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "status", "size"),
    [
        (OK, 200, 2),
        (chunked(b"hello", b"w" * 1000), 200, 1005),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, 0),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, 0),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK, 200, 2),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 503, 0),
        (b"HTTP/1.1 200\nContent-Length: 2\n\nok", 200, 2),
    ],
)
def test_responses_that_keep_the_connection(response: bytes, status: int, size: int) -> None:
    journal = load(always(response), connections=1)
    assert {(s["status"], s["error"], s["bytes"]) for s in journal.samples} == {(status, None, size)}
    assert sum("connect_ms" in sample for sample in journal.samples) == 1


@pytest.mark.parametrize(
    ("response", "size"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 2),
        (b"HTTP/1.1 200 OK\r\n\r\nup to the end", 13),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2),
    ],
)
def test_responses_that_end_the_connection(response: bytes, size: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(response)

    journal = load(answer)
    assert {(s["status"], s["error"], s["bytes"]) for s in journal.samples} == {(200, None, size)}
    assert all("connect_ms" in sample and "reopened" not in sample for sample in journal.samples)


def test_head_has_no_body_whatever_its_length_says() -> None:
    journal = load(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), method="HEAD")
    assert {(s["status"], s["error"], s["bytes"]) for s in journal.samples} == {(200, None, 0)}


def test_a_body_and_headers_are_sent() -> None:
    seen: list[tuple[bytes, bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append((await head(reader), await reader.readexactly(4)))
            writer.write(OK)

    journal = load(answer, method="POST", headers={"X-Team": "a", "Host": "shop"}, body="žy!")
    assert journal.outcomes() == {200: len(journal.samples)}
    request, body = seen[0]
    assert body.decode() == "žy!"
    assert request.startswith(b"POST / HTTP/1.1\r\nHost: shop\r\n")
    assert b"\r\nContent-Length: 4\r\nX-Team: a\r\n" in request


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    await reader.read()


async def _cut_short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)
    writer.write(OK[:-1])


async def _close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await head(reader)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_reset, "reset"),
        (_say_nothing, "timeout"),
        (_cut_short, "closed"),
        (_close, "closed"),
        (always(b"SSH-2.0-OpenSSH\r\n\r\n"), "bad_response"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"), "bad_response"),
        (always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), "bad_response"),
    ],
)
def test_what_goes_wrong_has_a_word(answer: Any, error: str) -> None:
    journal = load(answer, timeout_s=0.2)
    assert journal.outcomes() == {error: len(journal.samples)}
    assert {(sample["status"], sample["bytes"]) for sample in journal.samples} == {(None, 0)}
    if error == "timeout":
        # From the intended time: never earlier, and late only by the machine's own stalls.
        assert journal.took_ms(0.0) >= 200
        assert journal.took_ms(0.5) < 700


def test_nobody_listening_is_refused() -> None:
    assert set(run(loaded(free_port(), 0.2, 50)).outcomes()) == {"refused"}


def test_names_are_resolved_and_unknown_ones_have_a_word() -> None:
    async def work() -> Journal:
        async with serving(always(OK)) as port:
            return await loaded(port, 0.2, 50, url=f"http://localhost:{port}/")

    assert set(run(work()).outcomes()) == {200}
    # RFC 2606: .invalid never exists. Without any resolver the look-up may outlast the timeout instead.
    unknown = run(loaded(1, 0.1, 50, url="http://nowhere.invalid/")).outcomes()
    assert set(unknown) <= {"unresolved", "timeout"}


def test_a_server_that_starts_late_is_refused_then_served() -> None:
    async def work() -> Journal:
        port = free_port()
        loading = asyncio.create_task(loaded(port, 0.8, 50))
        await asyncio.sleep(0.3)
        async with serving(always(OK), port):
            return await loading

    outcomes = run(work()).outcomes()
    assert set(outcomes) == {"refused", 200}
    assert outcomes["refused"] >= 10  # 15 were due before it listened


def test_an_idle_connection_closed_by_the_server_is_no_error() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(OK)
        await asyncio.sleep(0.01)

    journal = load(answer)
    assert journal.outcomes() == {200: len(journal.samples)}


async def _once_then_close_unheard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Like a server whose idle timeout ends just as the second request arrives."""
    await head(reader)
    writer.write(OK)
    await head(reader)


def test_a_reused_connection_that_dies_unheard_is_opened_again() -> None:
    journal = load(_once_then_close_unheard)
    assert journal.outcomes() == {200: len(journal.samples)}
    reopened = [sample for sample in journal.samples if sample.get("reopened")]
    assert reopened
    assert all("connect_ms" in sample for sample in reopened)


def test_but_not_for_a_request_that_must_not_be_sent_twice() -> None:
    journal = load(_once_then_close_unheard, method="POST")
    assert set(journal.outcomes()) == {200, "closed"}
    assert not any(sample.get("reopened") for sample in journal.samples)


def test_waiting_for_a_connection_counts_and_is_told_apart_from_lateness() -> None:
    # One connection, 50 ms a request, 50 requests a second: request k waits about k * 30 ms for its turn.
    journal = load(always(OK, after_s=0.05), for_s=0.4, rate=50, connections=1, timeout_s=2.0)
    assert journal.outcomes() == {200: len(journal.samples)}
    last = journal.samples[-1]
    assert last["queued_ms"] > 300
    assert last["took_ms"] > last["queued_ms"] + 45
    assert sum("connect_ms" in sample for sample in journal.samples) == 1
    # The wait is the target's doing. A stalled machine makes us late, but never by what the queue costs.
    assert nearest_rank([sample["late_ms"] for sample in journal.samples], 0.5) < 150


def test_who_waits_too_long_for_a_connection_times_out() -> None:
    journal = load(_say_nothing, connections=1, timeout_s=0.1)
    assert journal.outcomes() == {"timeout": len(journal.samples)}


def test_exactly_one_sample_each_while_the_server_is_killed_and_started_again() -> None:
    port = free_port()

    async def work() -> Journal:
        loading = asyncio.create_task(loaded(port, 1.5, 200, timeout_s=0.5))
        for _ in range(2):
            with server_process(port, after_s=0.02):
                await asyncio.sleep(0.4)
            await asyncio.sleep(0.05)
        return await loading

    outcomes = run(work()).outcomes()
    assert set(outcomes) <= {200, "refused", "reset", "closed", "timeout"}
    assert outcomes[200] > 50
    assert outcomes["refused"] > 10


def test_what_we_could_not_send_in_time_is_our_fault_and_leaves_no_trace_in_the_windows() -> None:
    async def work() -> tuple[Counter[Any], float | None]:
        async with serving(always(OK)) as port:
            windows, journal, clock, until = Windows(), Journal(), Clock(), asyncio.Event()
            order = {"url": f"http://127.0.0.1:{port}/", "rate_per_s": 50, "timeout_s": 0.1, **EVEN}
            loading = asyncio.create_task(OpenLoop(told(order), journal, windows, clock).run(until))
            await asyncio.sleep(0.3)
            stalled_until = clock.now() + 0.5
            while clock.now() < stalled_until:  # the whole agent stands still
                pass
            await asyncio.sleep(0.2)
            until.set()
            await loading
            return journal.outcomes(), windows.value("error_rate", 10.0, clock.now())

    outcomes, error_rate = run(work())
    assert outcomes["late"] >= 15  # 0.4 s of the stall were more than the timeout ago
    assert error_rate is not None
    # Those sent into the stall may time out: 5 of them were due in its last 100 ms.
    assert error_rate <= 7 / outcomes[200]


def test_ending_waits_for_what_is_in_flight() -> None:
    journal = load(always(OK, after_s=0.25), for_s=0.1)
    assert journal.outcomes() == {200: len(journal.samples)}
    assert journal.took_ms(0.0) >= 250


def test_requests_are_drawn_in_time_by_default() -> None:
    async def work() -> Journal:
        journal, until = Journal(), asyncio.Event()
        async with serving(always(OK)) as port:
            order = {"url": f"http://127.0.0.1:{port}/", "rate_per_s": 100, "timeout_s": 1.0}
            asyncio.get_running_loop().call_later(0.6, until.set)
            await OpenLoop(told(order), journal, Windows(), Clock(), seed=11).run(until)
        return journal

    journal = run(work())
    _, began, said = journal.events[0]
    assert (said["arrivals"], said["connections"], said["seed"]) == ("poisson", "mix", 11)
    times = sorted(at for type_, at, _ in journal.events if type_ == "load.sampled" and at is not None)
    assert began is not None
    due = list(islice(of_the_load("poisson", 100, 11), len(times)))
    assert times == pytest.approx([began + at for at in due], abs=1e-5)
    assert journal.outcomes() == {200: len(times)}


@pytest.mark.parametrize(
    ("use", "least", "most"), [("reuse", 0.0, 0.1), ("mix", 0.25, 0.75), ("new", 1.0, 1.0)]
)
def test_each_request_goes_over_a_connection_of_its_own_choice(use: str, least: float, most: float) -> None:
    journal = load(always(OK), for_s=0.6, connection_use=use)
    assert journal.outcomes() == {200: len(journal.samples)}
    opened = sum("connect_ms" in sample for sample in journal.samples) / len(journal.samples)
    assert least <= opened <= most


@pytest.mark.parametrize("use", ["reuse", "mix", "new"])
def test_no_more_connections_are_open_than_asked_for(use: str) -> None:
    most = now = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        try:
            await always(OK, after_s=0.03)(reader, writer)
        finally:
            now -= 1

    journal = load(answer, for_s=0.4, connection_use=use, connections=3)
    assert set(journal.outcomes()) == {200}
    assert most <= 4  # the server may hear a moment later that one was closed


@pytest.mark.parametrize("arrivals", ["poisson", "uniform"])
def test_only_drawn_requests_see_both_sides_of_a_round_robin_that_a_probe_is_served_by_too(
    arrivals: str,
) -> None:
    served = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        while await head(reader):
            served += 1
            writer.write(OK if served % 2 else b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")

    async def work() -> tuple[list[bool], Journal]:
        looks: list[bool] = []
        async with serving(answer) as port:
            url, until, place, journal = f"http://127.0.0.1:{port}/", asyncio.Event(), Place(), Journal()
            probe = HttpProbe(url=url, every=0.05, arrivals="uniform" if arrivals == "uniform" else "random")
            order = {"url": url, "rate_per_s": 20, "timeout_s": 1.0, "arrivals": arrivals}

            def heard(_: str, at: float, value: Any, error: str | None, took_s: float) -> None:
                looks.append(error is None and value["status"] == 200)

            loading = asyncio.create_task(
                OpenLoop(told(order), journal, Windows(), place.clock, 3).run(until)
            )
            await asyncio.sleep(0 if arrivals == "poisson" else 0.02)
            asyncio.get_running_loop().call_later(2.5, until.set)
            await sample_forever("up", probe, place.clock, lambda *_, **__: None, heard, place, until, seed=3)
            await loading
        return looks, journal

    looks, journal = run(work())
    bad_looks, bad_requests = looks.count(False) / len(looks), journal.outcomes()[503] / len(journal.samples)
    if arrivals == "poisson":
        assert 0.25 < bad_looks < 0.75
        assert 0.25 < bad_requests < 0.75
    else:  # the flaw that this is about: one of them sees everything fail, the other nothing
        assert abs(bad_looks - bad_requests) > 0.6
