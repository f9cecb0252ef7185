"""Bodies of the tests of whose doing counts as met: each runs alone in a network of its own.

Who looks from the side are the very probes and the load of the agent; who uses the app is a process of the target's.
"""

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chaos.agent.commands import run_command
from chaos.agent.load import OpenLoop
from chaos.agent.windows import Windows
from chaos.errors import ProbeError
from chaos.events import Clock
from chaos.faults.bandwidth import Bandwidth
from chaos.faults.blackhole import Blackhole
from chaos.faults.connection_refused import ConnectionRefused
from chaos.faults.connection_reset import ConnectionReset
from chaos.faults.dependency_failure import DependencyFailure
from chaos.faults.http_fault import HttpFault
from chaos.faults.network.attempts import connect
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.packet_loss import PacketLoss
from chaos.faults.support.base import Fault, Injection
from chaos.probes.base import Probe, ProcessState
from chaos.probes.command import CommandProbe
from chaos.probes.http import HttpProbe
from chaos.probes.tcp import TcpProbe
from chaos.run_spec.parts import LoadSpec
from tests.faults.network.delays import observed
from tests.faults.target import LocalTarget

SITE = 9000
URL = f"http://127.0.0.1:{SITE}/"
FAULTS: Mapping[str, Fault] = {
    "refuse": DependencyFailure(process="db", mode="refuse"),
    "reset": DependencyFailure(process="db", mode="reset"),
    "vanishes": DependencyFailure(process="db", mode="blackhole"),
    "bandwidth": Bandwidth(process="db", rate=1e6),
    "connection_refused": ConnectionRefused(process="db"),
    "connection_reset": ConnectionReset(process="db"),
    "blackhole": Blackhole(process="db", direction="in"),
    "delay": NetworkDelay(process="db", delay=0.05),
    "delay_of_a_port": NetworkDelay(port=SITE, delay=0.05, direction="both"),
    "loss": PacketLoss(process="db", loss=0.5),
    "http": HttpFault(process="db", mode="status"),
}
ASKS = f"""
import time, urllib.request
while True:
    try:
        urllib.request.urlopen("{URL}", timeout=0.3).read()
    except OSError:
        pass
    time.sleep(0.02)
"""
"""An app that uses it, as a program."""
ONCE = f"""
import socket
with socket.create_connection(("127.0.0.1", {SITE}), 0.2) as one:
    one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    one.recv(9)
"""
COMMAND = CommandProbe(command=[sys.executable, "-I", "-S", "-c", ONCE], timeout=2.0)
LOOKS: Sequence[Probe] = (HttpProbe(url=URL, timeout=0.3), TcpProbe(port=SITE, timeout=0.3))
LOAD = LoadSpec(url=URL, rate_per_s=40, timeout_s=0.3)


class Here:
    """Where probes look."""

    windows = Windows()
    processes: Mapping[str, ProcessState] = {}

    def now(self) -> float:
        return time.time()

    async def run_command(self, command: Sequence[str], timeout_s: float) -> tuple[int, str]:
        return await run_command(command, timeout_s)


def nothing(type_: str, at: float | None = None, /, **data: Any) -> None:
    """Nobody reads it."""


def nobody_uses_it(name: str) -> None:
    """Probes, load and commands of ours ask the dependency, and the app does not: nobody met it. Then the app asks."""
    fault = FAULTS[name]
    with site(entered=8000) as target, fault.inject(target) as injection:
        assert met(fault, target, injection, LOOKS) == (0, False)
        assert met(fault, target, injection, [COMMAND]) == (0, False)
        target.start("web", [sys.executable, "-I", "-c", ASKS])
        count, enough = met(fault, target, injection, LOOKS)
        assert enough, count


def it_is_the_entrance(name: str) -> None:
    """Where the experiment asks the app as its users do, its requests are the app's."""
    fault = FAULTS[name]
    with site(entered=SITE) as target, fault.inject(target) as injection:
        count, enough = met(fault, target, injection, LOOKS)
        assert enough, count


def met(
    fault: Fault, target: LocalTarget, injection: Injection, looks: Sequence[Probe]
) -> tuple[int | None, bool]:
    """How often by all that was seen so far, after a while of such looks and of load."""
    seen = list(target.samples)
    asking = threading.Thread(target=lambda: asyncio.run(ask(looks)))
    asking.start()
    seen += observed(target, injection, 1.2)
    asking.join()
    seen += observed(target, injection, 0.3)
    target.samples[:] = seen
    told = fault.met(seen)
    print(fault.type, told)
    return told.count, told.enough


async def ask(looks: Sequence[Probe]) -> None:
    """Look about ten times, as the agent does; with load beside it, when it is not about commands."""
    over = asyncio.Event()
    place = Here()
    loads = [] if COMMAND in looks else [OpenLoop(LOAD, nothing, Windows(), Clock()).run(over)]
    async with asyncio.TaskGroup() as group:
        for load in loads:
            group.create_task(load)
        for _ in range(5):
            for look in looks:
                with contextlib.suppress(ProbeError):
                    await look.observe(place)
        over.set()


@contextlib.contextmanager
def site(entered: int) -> Iterator[LocalTarget]:
    """A dependency that speaks HTTP, and nobody who asks it."""
    command = [sys.executable, "-I", "-m", "http.server", str(SITE)]
    with LocalTarget(ports={"db": SITE}, entered=frozenset({entered})) as target:
        target.start("db", command)
        while connect("127.0.0.1", SITE) != "connected":
            time.sleep(0.02)
        yield target
