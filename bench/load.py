"""How punctual and how dear the load generator is, beside a naive client that waits for each answer.

    python bench/load.py [RATE ...]

Both ask the same kind of server in the same run, at the same rate, for four seconds each; for half a second of
them the server stands still.
achieved: requests sent / requests meant. late: actual minus intended send time, of the open loop before the stop.
cpu: share of one core. p95, p99: latency that was reported; the truth is that an eighth of the users met the hang.
The generator runs as in the sandbox: own loop, journal written to a file, sampler excluded.
"""

import asyncio
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from chaos.agent.load import OpenLoop
from chaos.agent.loop import exact_loop
from chaos.agent.record import Record
from chaos.agent.windows import Windows, nearest_rank
from chaos.events import Clock, Event
from chaos.run_spec.codec import decode
from chaos.run_spec.parts import LoadSpec

SECONDS = 4.0
STOP_AT, STOP_FOR = 2.0, 0.5
RATES = [50.0, 200.0, 1000.0]


SERVER = """
import asyncio
class Answer(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data):
        self.transport.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok" * data.count(b"\\r\\n\\r\\n"))
async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


class Measured(NamedTuple):
    """One client's run."""

    sent: int
    took_ms: list[float]
    late_ms: list[float]
    cpu: float


def open_loop(port: int, rate: float) -> Measured:
    """Ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "journal.ndjson")
        record = Record(str(path), Clock())
        order: Mapping[str, Any] = {
            "url": f"http://127.0.0.1:{port}/",
            "rate_per_s": rate,
            "timeout_s": 2.0,
        } | {
            "arrivals": "uniform",
            "connection_use": "reuse",  # as the others send
        }

        async def work() -> None:
            until = asyncio.Event()
            asyncio.get_running_loop().call_later(SECONDS, until.set)
            await OpenLoop(decode(LoadSpec, order, strict=False), record.emit, Windows(), record.clock).run(
                until
            )

        began, cpu_began = record.clock.now(), time.process_time()
        with asyncio.Runner(loop_factory=exact_loop) as runner:
            runner.run(work())
        cpu = (time.process_time() - cpu_began) / SECONDS
        events = [Event.from_line(line) for line in path.read_bytes().splitlines()]
    samples = [event for event in events if event.type == "load.sampled"]
    quiet = [event.data["late_ms"] for event in samples if event.at < began + STOP_AT - 0.1]
    return Measured(len(samples), [event.data["took_ms"] for event in samples], quiet, cpu)


def closed_loop(port: int, rate: float) -> Measured:
    """What many write: ask, wait for the answer, sleep for the rest of the interval."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    took_ms, began, cpu_began = [], time.monotonic(), time.process_time()
    while (sent := time.monotonic()) < began + SECONDS:
        connection.request("GET", "/")
        connection.getresponse().read()
        took_ms.append((time.monotonic() - sent) * 1000)
        time.sleep(max(0.0, 1 / rate - (time.monotonic() - sent)))
    connection.close()
    return Measured(len(took_ms), took_ms, [], (time.process_time() - cpu_began) / SECONDS)


def with_a_hang(client: Callable[[int, float], Measured], rate: float) -> Measured:
    """Run a client against a fresh server that stands still in the middle."""
    server = subprocess.Popen([sys.executable, "-I", "-S", "-c", SERVER], stdout=subprocess.PIPE)
    assert server.stdout is not None
    port = int(server.stdout.readline())
    timers = [
        threading.Timer(STOP_AT, os.kill, (server.pid, signal.SIGSTOP)),
        threading.Timer(STOP_AT + STOP_FOR, os.kill, (server.pid, signal.SIGCONT)),
    ]
    for timer in timers:
        timer.start()
    try:
        return client(port, rate)
    finally:
        for timer in timers:
            timer.join()
        server.kill()
        server.communicate()


def line(name: str, rate: float, measured: Measured) -> str:
    """One row."""
    late = "       -        -"
    if measured.late_ms:
        late = f"{nearest_rank(measured.late_ms, 0.5):8.2f} {nearest_rank(measured.late_ms, 0.99):8.2f}"
    p95, p99 = nearest_rank(measured.took_ms, 0.95), nearest_rank(measured.took_ms, 0.99)
    achieved = measured.sent / (rate * SECONDS)
    return f"{name:6} {rate:6g}/s {achieved:9.3f} {late} {p95:9.1f} {p99:9.1f} {100 * measured.cpu:6.1f}"


def main() -> None:
    """Print a table, and a ratio for each rate."""
    rates = [float(argument) for argument in sys.argv[1:]] or RATES
    print("client     rate  achieved  late p50  late p99   p95 ms    p99 ms   cpu %")
    for rate in rates:
        ours, naive = with_a_hang(open_loop, rate), with_a_hang(closed_loop, rate)
        print(line("open", rate, ours), line("closed", rate, naive), sep="\n")
        hidden = nearest_rank(ours.took_ms, 0.95) / nearest_rank(naive.took_ms, 0.95)
        print(f"ratio: sent {ours.sent / naive.sent:.2f}x, p95 seen {hidden:.1f}x of the closed loop's")


if __name__ == "__main__":
    main()
