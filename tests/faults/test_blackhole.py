"""Packets that vanish: real ones of real processes, each test in a network of its own."""

import pytest

from chaos.faults.blackhole import Blackhole
from tests.faults.denied import BODIES, run, seen
from tests.faults.target import users

KIND = "blackhole"


@pytest.mark.parametrize("user", users())
def test_open_and_new_connections_fall_silent(user: str) -> None:
    run("connections", KIND, user=user)


def test_the_tun_device_swallows_as_well() -> None:
    run("connections", KIND, "tun")


@pytest.mark.parametrize("body", BODIES)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body, KIND)


def test_connections_that_the_target_makes_get_no_answer() -> None:
    run("the_targets_own_requests", KIND, "both")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_one_direction_is_silent_without_the_other(direction: str) -> None:
    run("silent_one_way", direction)


def test_what_was_sent_meanwhile_arrives_afterwards() -> None:
    run("goes_on_afterwards")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"share": 0.04}, "between 5% and 100%"),
        ({"peer": "db:0"}, "between 1 and 65535"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Blackhole(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (seen(5, 5), True, "5 of 5 attempts of ours failed as timeout, at least 95%; 3 of 9 packets"),
        (seen(4, 5), False, "not at least 95%"),
        (seen(5, 5, met=0), False, "0 of 9 packets of the target vanished"),
        (seen(2, 2), False, "at least 3 are needed"),
        ([], False, "0 of 0"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, object]], landed: bool, why: str) -> None:
    delivered = Blackhole().delivered(samples)
    assert delivered.landed is landed, delivered
    assert why in delivered.why
    assert set(delivered.values) == {"silent_share"}
