"""Duplicates: real packets of real processes, each test in a network of its own."""

import pytest

from chaos.faults.packet_duplicate import PacketDuplicate
from tests.faults.network import strikes
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{strikes.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("user", users())
def test_the_share_is_delivered_twice(user: str) -> None:
    run("fidelity", "packet_duplicate", "duplicate", "0.1", "nfqueue", "2", user=user)


def test_the_tun_device_does_as_well() -> None:
    run("fidelity", "packet_duplicate", "duplicate", "0.2", "tun", "2")


def test_what_the_app_receives() -> None:
    run("copies_come")


@pytest.mark.parametrize("rung", ["nfqueue", "tun"])
def test_streams_arrive_whole(rung: str) -> None:
    run("streams_survive", "packet_duplicate", "duplicate", "0.2", rung)


@pytest.mark.parametrize("body", ["nothing_is_left", "killed_injector_ends_it"])
def test_it_ends(body: str) -> None:
    run(body, "packet_duplicate", "duplicate", "0.2")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"duplicate": 0.0}, "between 0.1% and 100%"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PacketDuplicate(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(("struck", "landed"), [(1000, True), (1150, False), (0, False)])
def test_what_counts_as_landed(struck: int, landed: bool) -> None:
    sample = {"sent": 10_000, "doubled": struck, "target_packets": 90, "target_treated": 9}
    assert PacketDuplicate(duplicate=0.1).delivered([sample]).landed is landed
    assert not PacketDuplicate(duplicate=0.1).delivered([{**sample, "target_packets": 0}]).landed
