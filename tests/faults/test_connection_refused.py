"""Connections that are refused: real ones of real processes, each test in a network of its own."""

import pytest

from chaos.faults.connection_refused import ConnectionRefused
from tests.faults.denied import BODIES, run, seen
from tests.faults.target import users

KIND = "connection_refused"


@pytest.mark.parametrize("user", users())
def test_new_connections_are_refused_and_open_ones_go_on(user: str) -> None:
    run("connections", KIND, user=user)


def test_the_tun_device_refuses_as_well() -> None:
    run("connections", KIND, "tun")


@pytest.mark.parametrize("body", [*BODIES, "by_port"])
def test_in_a_network_of_its_own(body: str) -> None:
    run(body, KIND)


def test_connections_that_the_target_makes_are_refused() -> None:
    run("the_targets_own_requests", KIND, "both")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_one_direction_is_refused_without_the_other(direction: str) -> None:
    run("only_that_direction", direction)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"port": 65536}, "between 1 and 65535"),
        ({"share": 0.01}, "between 5% and 100%"),
        ({"peer": "db:http"}, "a host or an address"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ConnectionRefused(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "samples", "landed", "why"),
    [
        (1.0, seen(20, 20), True, "20 of 20 attempts of ours failed as ECONNREFUSED, at least 95%; 3 of 9"),
        (1.0, seen(19, 20), True, "19 of 20"),
        (1.0, seen(18, 20), False, "not at least 95%"),
        (1.0, seen(20, 20, met=0), False, "0 of 9 attempts to connect of the target's"),
        (1.0, seen(2, 2), False, "at least 3 are needed"),
        (0.5, seen(60, 100), True, "which goes with 50% asked"),
        (0.5, seen(80, 100), False, "does not go"),
        (0.5, seen(0, 100), False, "does not go"),
        (0.5, seen(10, 19), False, "at least 22 are needed"),
        (1.0, [], False, "0 of 0"),
    ],
)
def test_what_counts_as_landed(
    share: float, samples: list[dict[str, object]], landed: bool, why: str
) -> None:
    delivered = ConnectionRefused(share=share).delivered(samples)
    assert delivered.landed is landed, delivered
    assert why in delivered.why
    assert set(delivered.values) == {"refused_share"}
