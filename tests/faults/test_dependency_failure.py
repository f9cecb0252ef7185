"""Dependency failure: real connections and real lookups, each test in a network and with mounts of its own."""

import pytest

from chaos.faults.dependency_failure import FAILS_AS, DependencyFailure
from tests.faults.network import failures
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{failures.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("mode", ["refuse", "reset", "blackhole"])
def test_packets_to_the_dependency_fail_as_asked(mode: str, user: str) -> None:
    run("packets", mode, user=user)


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("mode", ["nxdomain", "servfail", "dns_timeout"])
def test_the_name_of_the_dependency_fails_as_asked(mode: str, user: str) -> None:
    run("names", mode, user=user)


@pytest.mark.parametrize(
    "body",
    [
        "reset_leaves_no_debris",
        "idle_connections_survive_a_reset",
        "host_and_port",
        "killed_helper_restores",
        "dead_before",
        "names_over_tcp",
        "queries_that_are_not_meant_pass",
        "without_mounting",
    ],
)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "name the dependency: host or process, or port"),
        ({"process": "db", "port": 80}, "process stands alone"),
        ({"process": "db", "host": "db"}, "process stands alone"),
        ({"port": 80, "mode": "nxdomain"}, "name the dependency: host or process$"),
        ({"host": "10.0.0.1", "mode": "servfail"}, "a name, not an address"),
        ({"host": "db", "port": 70000}, "between 1 and 65535"),
    ],
)
def test_fields_that_say_too_little_or_too_much_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DependencyFailure(**fields)  # type: ignore[arg-type]


def attempts(
    ended_as: list[str], *, asked: str = "ECONNREFUSED", healthy: bool = True
) -> list[dict[str, object]]:
    return [
        {"failed": int(one == asked), "as": one, "took_ms": 1.0, "healthy_before": healthy}
        for one in ended_as
    ]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (attempts(["ECONNREFUSED"] * 20), True, "20 of 20 attempts"),
        (attempts(["ECONNREFUSED"] * 19 + ["connected"]), True, "19 of 20"),
        (attempts(["ECONNREFUSED"] * 18 + ["connected"] * 2), False, "not at least 95%"),
        (attempts(["timeout"] * 20), False, "0 of 20"),
        (attempts(["ECONNREFUSED"] * 2), False, "at least 3 are needed"),
        (attempts(["ECONNREFUSED"] * 20, healthy=False), False, "did not answer before"),
        ([], False, "0 of 0"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, object]], landed: bool, why: str) -> None:
    delivered = DependencyFailure(process="inventory").delivered(samples)
    assert delivered.landed is landed
    assert why in delivered.why
    assert set(delivered.values) == {"failed", "mode"}


def test_the_presets_go_from_loud_to_silent() -> None:
    modes = [DependencyFailure.presets[i]["mode"] for i in ("low", "medium", "high")]
    assert modes == ["refuse", "reset", "blackhole"]
    assert all(mode in FAILS_AS for mode in modes)
