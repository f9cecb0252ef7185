"""Whom a fault hits of a tree, and that it lands only on what serves: real trees with real sockets."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from chaos.errors import InjectionError
from chaos.faults.crash_loop import CrashLoop
from chaos.faults.process.aim import Match, Scope, aim
from chaos.faults.process_kill import ProcessKill
from chaos.faults.process_pause import ProcessPause
from chaos.faults.process_stop import ProcessStop
from chaos.faults.support.base import Delivered, Injection
from tests.agent.servers import free_port
from tests.faults.forks import server, wrapped
from tests.faults.target import LocalTarget


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget(ports={"web": free_port()}) as target:
        yield target


def start(target: LocalTarget, argv: list[str]) -> None:
    """Start it, and wait until it serves."""
    child = target.start("web", argv)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"


def port(target: LocalTarget) -> int:
    found = target.port("web")
    assert found is not None
    return found


def look_for(target: LocalTarget, injected: AbstractContextManager[Injection], seconds: float) -> None:
    """What the agent does while a fault is held."""
    with injected as injection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (sample := injection.observe()) is not None:
                target.measured(**sample)
            target.wait(injection.every_s)


def held(target: LocalTarget, fault: ProcessKill | ProcessPause | ProcessStop | CrashLoop) -> Delivered:
    look_for(target, fault.inject(target), 0.5)
    return fault.delivered(target.samples)


@pytest.mark.parametrize(
    "fault",
    [ProcessKill(process="web"), CrashLoop(process="web"), ProcessPause(process="web", scope="main")],
    ids=lambda fault: fault.type,
)
def test_a_wrapper_whose_server_goes_on_is_no_hit(
    target: LocalTarget, fault: ProcessKill | CrashLoop | ProcessPause
) -> None:
    start(target, wrapped(port(target)))
    serving = target.pids("web")[1]
    delivered = held(target, fault)
    assert not delivered.landed
    assert f"what serves port {port(target)} was not hit: python" in delivered.why
    assert f"(pid {serving})" in delivered.why


@pytest.mark.parametrize(
    "fault",
    [
        ProcessKill(process="web", scope="tree"),
        ProcessKill(process="web", scope="tree", signal="SIGTERM"),
        CrashLoop(process="web", scope="tree"),
        ProcessPause(process="web"),
        ProcessStop(process="web", deadline=0.2),
        ProcessStop(process="web", scope="tree"),
    ],
    ids=lambda fault: f"{fault.type}-{fault.scope}",
)
def test_the_whole_tree_is_hit_with_what_serves(
    target: LocalTarget, fault: ProcessKill | CrashLoop | ProcessPause | ProcessStop
) -> None:
    start(target, wrapped(port(target), workers=2))
    delivered = held(target, fault)
    assert delivered.landed, delivered.why


@pytest.mark.parametrize(
    "fault",
    [
        ProcessKill(process="web", scope="one", match=Match(role="worker")),
        ProcessPause(process="web", scope="one", match=Match(role="listener")),
        CrashLoop(process="web", scope="one", match=Match(name="python*", role="worker")),
        ProcessStop(process="web", scope="one"),
    ],
    ids=lambda fault: fault.type,
)
def test_one_worker_that_holds_the_socket_is_hit_and_the_others_go_on(
    target: LocalTarget, fault: ProcessKill | CrashLoop | ProcessPause | ProcessStop
) -> None:
    start(target, server(port(target), workers=2))
    before = list(target.pids("web"))
    hit: set[int] = set()
    with fault.inject(target) as injection:
        for _ in range(20):
            if (sample := injection.observe()) is not None:
                target.measured(**sample)
            hit |= {pid for pid in before if _stands_still(pid)}
            target.wait(0.02)
    delivered = fault.delivered(target.samples)
    assert delivered.landed, delivered.why
    assert len(hit) == 1
    assert before[0] not in hit, "the master goes on"


def _stands_still(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZXTt"


def test_the_seed_decides_which(target: LocalTarget) -> None:
    start(target, server(port(target), workers=4))

    def chosen(seed: int) -> int:
        target.random.seed(seed)
        found = aim(target, "web", "one", Match(role="worker"))
        assert found is not None
        return found.victims[0].pid

    assert [chosen(seed) for seed in range(8)] == [chosen(seed) for seed in range(8)]
    assert len({chosen(seed) for seed in range(16)}) > 1


def test_a_helper_that_serves_nothing_is_no_hit(target: LocalTarget) -> None:
    helper = f"{sys.executable} -c 'import time; time.sleep(60)' helper.py & exec \"$@\""
    start(target, ["sh", "-c", helper, "sh", *server(port(target))])
    delivered = held(target, ProcessKill(process="web", scope="one", match=Match(role="worker")))
    assert not delivered.landed
    assert f"does not listen on port {port(target)}: " in delivered.why


def test_a_port_that_somebody_else_serves(target: LocalTarget) -> None:
    start(target, server(port(target)))
    target.children["other"] = target.children.pop("web")
    target.start("web", ["sleep", "60"])
    delivered = held(target, ProcessKill(process="web"))
    assert not delivered.landed
    assert f"port {port(target)} is served by python" in delivered.why
    assert "which is nobody of web's" in delivered.why


@pytest.mark.parametrize("kind", [ProcessKill, ProcessPause, ProcessStop, CrashLoop])
def test_nobody_of_that_name_is_said_with_who_is_there(
    target: LocalTarget, kind: type[ProcessKill | ProcessPause | ProcessStop | CrashLoop]
) -> None:
    start(target, wrapped(port(target)))
    fault = kind(process="web", scope="one", match=Match(name="node"))
    with pytest.raises(
        InjectionError, match=r"nobody of web matches name node; there are sh \(pid \d+\), python"
    ):
        fault.inject(target).__enter__()


@pytest.mark.parametrize("scope", ["tree", "main"])
def test_a_match_needs_one(scope: Scope) -> None:
    with pytest.raises(ValueError, match="write scope: one with it"):
        ProcessKill(scope=scope, match=Match(role="worker"))
    with pytest.raises(ValueError, match="match needs 'name', 'role' or both"):
        Match()


def test_a_match_from_json_is_the_same() -> None:
    fields = {"process": "web", "scope": "one", "match": {"name": "node", "role": None}}
    assert ProcessKill(**fields).match == Match(name="node")  # type: ignore[arg-type]


def test_a_signal_that_a_wrapper_hands_on(target: LocalTarget) -> None:
    start(
        target,
        [
            "bash",
            "-c",
            'trap "kill $!" TERM; "$@" & trap "kill $!" TERM; wait',
            "bash",
            *server(port(target)),
        ],
    )
    fault = ProcessKill(process="web", signal="SIGTERM")
    delivered = held(target, fault)
    assert delivered.landed, delivered.why
    assert target.children["web"].wait(timeout=5) != -signal.SIGKILL
