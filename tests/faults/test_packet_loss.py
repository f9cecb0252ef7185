"""Packet loss: real packets of real processes, each test in a network of its own."""

import pytest

from chaos.faults.packet_loss import PacketLoss
from tests.faults.network import strikes
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{strikes.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


def test_the_loss_of_ten_thousand_packets_is_inside_its_binomial_interval() -> None:
    run("ten_thousand")


@pytest.mark.parametrize("user", users())
def test_the_share_is_lost(user: str) -> None:
    run("fidelity", "packet_loss", "loss", "0.1", "nfqueue", "2", user=user)


def test_the_tun_device_loses_as_well() -> None:
    run("fidelity", "packet_loss", "loss", "0.2", "tun", "2")


@pytest.mark.parametrize("body", ["bursts", "everything_lost", "requests_are_lost_too"])
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


@pytest.mark.parametrize("body", ["streams_survive", "nothing_is_left", "killed_injector_ends_it"])
def test_what_every_strike_promises(body: str) -> None:
    run(body, "packet_loss", "loss", "0.1")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"loss": 0.0}, "between 0.1% and 100%"),
        ({"burst": 0.5}, "between 1 and 100"),
        ({"loss": 0.9, "burst": 2.0}, "burst of at least 9.00"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        PacketLoss(**fields)  # type: ignore[arg-type]


def seen(sent: int, lost: int, packets: int = 400, treated: int = 20) -> list[dict[str, int]]:
    return [{"sent": sent, "lost": lost, "target_packets": packets, "target_treated": treated}]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (seen(10_000, 520), True, "520 of 10,000 packets of ours were lost"),
        (seen(10_000, 600), False, "does not go with 5.00% asked"),
        (seen(10_000, 0), False, "does not go with 5.00% asked"),
        (seen(10_000, 500, packets=0), False, "of 0 packets of the target"),
        (seen(10_000, 500, packets=24, treated=0), False, "too little traffic met it, 59 packets are needed"),
        (seen(10_000, 500, packets=24, treated=1), False, "too little traffic met it"),
        (seen(10_000, 500, packets=59, treated=1), True, "of 59 packets of the target 1 were"),
        (
            seen(10_000, 500, packets=2_000, treated=0),
            False,
            "of the target 0 were (0.00% to 0.19%): that does not",
        ),
        (seen(219, 11), False, "only 219 packets of ours"),
        ([], False, "only 0 packets"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, int]], landed: bool, why: str) -> None:
    delivered = PacketLoss(loss=0.05).delivered(samples)
    assert delivered.landed is landed, delivered
    assert why in delivered.why


def test_bursts_widen_the_interval() -> None:
    single, burst = (
        PacketLoss(loss=0.05, burst=length).delivered(seen(10_000, 500)) for length in (None, 10.0)
    )
    assert single.low is not None
    assert burst.low is not None
    assert burst.low < single.low - 0.005
