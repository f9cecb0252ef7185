"""Bandwidth: real bytes of real processes, each test in a network of its own."""

import pytest

from chaos.faults.bandwidth import Bandwidth
from tests.faults.network import links, strikes
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(body, *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("rate", ["1e5", "1e6", "2e7"])
def test_a_transfer_goes_at_the_rate_within_five_percent(rate: str, user: str) -> None:
    run(f"{links.__name__}:fidelity", rate, user=user)


def test_the_tun_device_is_a_link_as_well() -> None:
    run(f"{links.__name__}:fidelity", "1e6", "tun")


def test_small_answers_are_quick() -> None:
    run(f"{links.__name__}:small_answers_are_quick")


@pytest.mark.parametrize("body", ["nothing_is_left", "killed_injector_ends_it"])
def test_it_ends(body: str) -> None:
    run(f"{strikes.__name__}:{body}", "bandwidth", "rate", "1e6")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"rate": 1000.0}, "between 32KB/s and 125MB/s"),
        ({"rate": 1e9}, "between 32KB/s and 125MB/s"),
        ({"rate": 1e6, "burst": 2e6}, "burst must not"),
    ],
)
def test_fields_that_cannot_be_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Bandwidth(**fields)  # type: ignore[arg-type]


def seen(rate: float, count: int, packets: int = 9) -> list[dict[str, float]]:
    return [{"received": rate * i / 2, "at": i / 2, "target_packets": packets} for i in range(count)]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (seen(1e6, 9), True, "1,000,000 bytes a second, within 5%"),
        (seen(1.04e6, 9), True, "within 5%"),
        (seen(1.1e6, 9), False, "not within"),
        (seen(0, 9), False, "not within"),
        (seen(1e6, 9, packets=0), False, "0 packets of the target"),
        (seen(1e6, 4), False, "only 3 windows"),
        ([], False, "only 0 windows"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, float]], landed: bool, why: str) -> None:
    delivered = Bandwidth(rate=1e6).delivered(samples)
    assert delivered.landed is landed, delivered
    assert why in delivered.why
