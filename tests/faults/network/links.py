"""Bodies of the bandwidth's tests: each runs in a network of its own."""

import threading
import time

from chaos.faults.bandwidth import Bandwidth
from tests.faults.network.delays import app, connect, observed, only
from tests.faults.network.strikes import passed_by


def fidelity(rate: str, rung: str = "nfqueue") -> None:
    """Our transfer goes at the rate, to 5 %, while one of the app goes at it too, as far as TCP can fill the link."""
    only(rung)
    fault = Bandwidth(rate=float(rate), port=8000)
    with app(web=8000) as target, fault.inject(target) as injection:
        went: list[float] = []
        reader = threading.Thread(target=lambda: went.append(download(8000, float(rate), 3.0)))
        reader.start()
        delivered = fault.delivered(observed(target, injection, 4.0))
        reader.join()
    print(rate, rung, delivered, went, target.samples[-1])
    assert injection.mechanism == rung
    assert delivered.landed, delivered.why
    assert 0.5 * float(rate) < went[0] <= 1.05 * float(rate)
    assert passed_by(target) <= 2


def download(port: int, rate: float, seconds: float) -> float:
    """Bytes a second of a stream from that port."""
    with connect(port) as connection:
        connection.sendall(b"B%d" % int(2 * seconds * rate + 1e6))
        began = ended = time.monotonic()
        got = 0
        while ended - began < seconds:
            got += len(connection.recv(1 << 20))
            ended = time.monotonic()
        return got / (ended - began)


def small_answers_are_quick() -> None:
    """What is far from filling the link hardly waits."""
    fault = Bandwidth(rate=1e6, process="web")
    with app(web=8000) as target, connect(8000) as connection, fault.inject(target):
        took = []
        for _ in range(20):
            began = time.monotonic()
            connection.sendall(b"B1000")
            got = 0
            while got < 1000:
                got += len(connection.recv(4096))
            took.append(time.monotonic() - began)
    print(sorted(took)[10])
    assert sorted(took)[10] < 0.05
