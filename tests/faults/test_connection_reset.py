"""Connections that are reset: real ones of real processes, each test in a network of its own."""

import pytest

from chaos.faults.connection_reset import ConnectionReset
from tests.faults.denied import BODIES, run, seen
from tests.faults.target import users

KIND = "connection_reset"


@pytest.mark.parametrize("user", users())
def test_open_and_new_connections_are_reset(user: str) -> None:
    run("connections", KIND, user=user)


def test_the_tun_device_resets_as_well() -> None:
    run("connections", KIND, "tun")


@pytest.mark.parametrize("body", BODIES)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body, KIND)


@pytest.mark.parametrize("body", ["idle_ones_are_reset_at_once", "both_ends_are_reset"])
def test_what_a_reset_is(body: str) -> None:
    run(body)


def test_connections_that_the_target_makes_are_reset() -> None:
    run("the_targets_own_requests", KIND, "")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"share": 0.0}, "between 5% and 100%"),
        ({"peer": "[::1"}, "a host or an address"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ConnectionReset(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (seen(20, 20, met=2), True, "2 of 9 segments of the target's with data"),
        (seen(20, 20, met=0, ended=4), True, "4 open connections were reset at once"),
        (seen(20, 20, met=0), False, "0 of 9 segments"),
        (seen(20, 20, met=0, ended=-1), False, "0 open connections"),
        (seen(10, 20, met=2), False, "not at least 95%"),
        ([], False, "0 of 0"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, object]], landed: bool, why: str) -> None:
    delivered = ConnectionReset().delivered(samples)
    assert delivered.landed is landed, delivered
    assert why in delivered.why
    assert set(delivered.values) == {"reset_share"}
