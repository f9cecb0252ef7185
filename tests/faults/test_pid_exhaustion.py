"""Real processes that start threads when told to, and say with which error they could not."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from chaos.errors import FaultError
from chaos.faults.pid_exhaustion import PidExhaustion
from chaos.namespaces.spec import MOST_TASKS
from tests.faults.deadman import WITHIN_S, injected_elsewhere, seconds_until
from tests.faults.forking import APP
from tests.faults.holding import hold, start, told
from tests.faults.target import LocalHelper, LocalTarget, in_own_network, users

needs_groups = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may make a control group on every machine"
)


@pytest.fixture
def target() -> Iterator[LocalTarget]:
    with LocalTarget(with_cgroups=True) as target:
        yield target


def limit_of(target: LocalTarget) -> str:
    group = target.cgroup("pids")
    assert group is not None
    return (group / "pids.max").read_text().strip()


@needs_groups
@pytest.mark.parametrize("leave", [0, 3])
def test_exactly_so_many_more_can_be_started(target: LocalTarget, leave: int) -> None:
    app = start(target, APP)
    fault = PidExhaustion(leave=leave)
    began = time.monotonic()
    with fault.inject(target) as injection:
        on_s = time.monotonic() - began
        assert injection.mechanism == "cgroup-pids"
        assert [told(app, signal.SIGUSR1) for _ in range(leave + 2)] == ["forked"] * leave + ["EAGAIN"] * 2
        hold(target, injection, 0.8)
        ending = time.monotonic()
    off_s = time.monotonic() - ending
    delivered = fault.delivered(target.samples)
    print(f"\n{delivered.why}; on {on_s * 1000:.0f} ms, off {off_s * 1000:.1f} ms")
    assert delivered.landed, delivered.why
    assert delivered.values == {"left_tasks": leave}
    assert limit_of(target) == str(MOST_TASKS)
    assert told(app, signal.SIGUSR1) == "forked"


@needs_groups
def test_what_ends_is_taken_too(target: LocalTarget) -> None:
    app = start(target, APP)
    assert told(app, signal.SIGUSR1) == "forked"
    with PidExhaustion().inject(target) as injection:
        assert told(app, signal.SIGUSR2) == "ended"
        hold(target, injection, 0.2)
        assert told(app, signal.SIGUSR1) == "EAGAIN"
    assert told(app, signal.SIGUSR1) == "forked"


class Restless(LocalTarget):
    """A target whose app has a task more at each look than when the canary forks."""

    app: "subprocess.Popen[bytes]"

    @contextmanager
    def helper(self, function: Callable[..., None], **given: Any) -> Iterator[LocalHelper]:
        with super().helper(function, **given) as helper:
            send, receive = helper.send, helper.receive

            def quieter(message: Mapping[str, Any]) -> None:
                told(self.app, signal.SIGUSR2)
                send(message)

            def busier(timeout_s: float) -> Mapping[str, Any] | None:
                answer = receive(timeout_s)
                if answer and "forks" in answer:
                    told(self.app, signal.SIGUSR1)
                return answer

            helper.send, helper.receive = quieter, busier  # type: ignore[method-assign]
            yield helper


@needs_groups
def test_an_app_that_is_always_busier_when_looked_at_is_held_to_its_quietest_moment() -> None:
    with Restless(with_cgroups=True) as target:
        target.app = start(target, APP)
        assert told(target.app, signal.SIGUSR1) == "forked"
        with PidExhaustion(leave=2).inject(target) as injection:
            hold(target, injection, 0.2)
            assert told(target.app, signal.SIGUSR1) == "forked"
            assert told(target.app, signal.SIGUSR1) == "EAGAIN"
        assert target.samples[0]["left_tasks"] == 2


@needs_groups
def test_when_the_agent_is_killed_the_limit_goes(target: LocalTarget) -> None:
    app = start(target, APP)
    with injected_elsewhere({"type": "pid_exhaustion"}, app.pid, target.groups) as agent:
        assert told(app, signal.SIGUSR1) == "EAGAIN"
        agent.kill()
        agent.wait()
        took_s = seconds_until(lambda: limit_of(target) == str(MOST_TASKS))
        print(f"\nno limit {took_s * 1000:.1f} ms after the agent's SIGKILL")
        assert took_s <= WITHIN_S
    assert told(app, signal.SIGUSR1) == "forked"


@pytest.mark.skipif("unprivileged" not in users(), reason="needs root that can become an ordinary user")
def test_an_ordinary_user_is_limited_by_the_limit_on_users() -> None:
    print(in_own_network("tests.faults.forking:by_user", unprivileged=True))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is exempt")
def test_root_without_a_control_group_is_refused_and_nothing_is_left() -> None:
    with LocalTarget() as target:
        app = start(target, APP)
        before = resource.prlimit(app.pid, resource.RLIMIT_NPROC)
        with pytest.raises(FaultError, match="exempts this user"):
            PidExhaustion().inject(target).__enter__()
        assert resource.prlimit(app.pid, resource.RLIMIT_NPROC) == before


def test_a_fork_that_works_all_the_same_has_not_landed() -> None:
    none_left = {"left_tasks": 0, "canary": "EAGAIN"}
    assert PidExhaustion().delivered([none_left] * 6).landed
    assert not PidExhaustion().delivered([{**none_left, "canary": "none"}] * 6).landed


def test_less_than_none_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        PidExhaustion(leave=-1)
