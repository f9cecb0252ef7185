"""What an app reaches that is not its own: nothing, whoever runs the sandbox. And what it needs, it has.

One sandbox for each identity; in it the app makes every attempt of `tests.escape.attempts`, and a test looks at each.
As an ordinary user the suite cannot become root, nor run Debian's Podman: those identities are then not tried, and the
header of pytest's report says so (`tests.escape.conftest`).
"""

import json
from collections.abc import Iterator

import pytest

from tests.escape.attempts import ATTEMPTS
from tests.escape.attempts.aside import SIDE
from tests.escape.attempts.honest_io import NO_GROUP
from tests.escape.conduct import USER
from tests.escape.identities import IDENTITIES, Tried, tried
from tests.escape.sides import reached, was_tried

ESCAPES = sorted(name for name, each in ATTEMPTS.items() if not each.honest)
OF_ITS_IMAGE = (
    "changes_attributes_of_the_hosts_programs", "makes_a_file_at_the_root", "plants_code_in_a_python_prefix",
    "remounts_a_prefix_and_plants_code", "writes_the_systems_programs",
)  # fmt: skip
"""The files of a user's image are the app's own, to write as it likes."""
HONEST = sorted(name for name, each in ATTEMPTS.items() if each.honest)


@pytest.fixture(scope="module", params=IDENTITIES)
def run(request: pytest.FixtureRequest) -> Iterator[Tried]:
    with tried(request.param) as come_to:
        yield come_to


def test_there_are_enough() -> None:
    assert len(ESCAPES) + len(SIDE) >= 80
    assert len(HONEST) >= 15


@pytest.mark.parametrize("name", ESCAPES)
def test_an_attempt_reaches_nothing(run: Tried, name: str) -> None:
    if run.identity == "image" and name in OF_ITS_IMAGE:
        return  # what it writes there must not be seen outside: "by_files_that_others_read"
    answer = run.answers.get(name)
    assert answer is not None, f"{name} was never answered: the app ended first ({run.seen['result']['why']})"
    assert answer["reached"] is False, f"{run.identity}: {ATTEMPTS[name].about}\nreached: {answer['said']}"


@pytest.mark.parametrize("name", sorted(SIDE))
def test_an_attempt_from_aside_reaches_nothing(run: Tried, name: str) -> None:
    assert was_tried(name, run), f"{name} was not tried: {run.seen}"
    assert not (said := reached(name, run)), f"{run.identity}: {SIDE[name]}\nreached: {said}"


@pytest.mark.parametrize("name", HONEST)
def test_what_an_honest_app_needs_works(run: Tried, name: str) -> None:
    answer = run.answers.get(name)
    assert answer is not None, f"{name} was never answered: the app ended first ({run.seen['result']['why']})"
    assert answer["reached"] is True, f"{run.identity}: {ATTEMPTS[name].about}\n{answer['said']}"


def test_where_the_kernel_limits_memory_the_app_sees_the_limit(run: Tried) -> None:
    (started,) = [event for event in run.events if event.type == "agent.started"]
    assert (run.answers["sees_its_limits"]["said"] == NO_GROUP) is (started.data["memory_kind"] == "emulated")


def test_a_process_runs_as_the_user_that_its_manifest_names(run: Tried) -> None:
    said = [e.data["line"] for e in run.events if e.type == "log.captured" and e.data["process"] == "another"]
    assert said, run.seen["result"]
    account = json.loads(said[0])
    assert account["uid"] != 0
    assert account["name"] == USER


def test_the_agents_probes_reach_the_apps_port_below_1024(run: Tried) -> None:
    looks = [event for event in run.events if event.type == "probe.sampled" and event.data["probe"] == "web"]
    good = [event for event in looks if event.data["value"] and event.data["value"]["status"] == 200]
    assert len(good) > len(looks) / 2, [event.data for event in looks]  # the app is busy on purpose


def test_the_canary_of_the_host_is_untouched(run: Tried) -> None:
    assert run.touched == []


def test_what_was_put_outside_in_the_sandbox_is_untouched(run: Tried) -> None:
    assert run.seen["victim"] == "untouched"
    assert run.seen["process_lives"]


def test_the_agent_told_the_whole_story(run: Tried) -> None:
    assert [event.type for event in run.events].count("agent.ended") == 1, run.seen["result"]
    assert run.seen["result"]["outcome"] != "crashed", run.seen["result"]
