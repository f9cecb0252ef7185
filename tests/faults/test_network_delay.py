"""Network delay: real packets of real processes, each test in a network of its own."""

import pytest

from chaos.faults.network_delay import NetworkDelay
from tests.faults.net import delays
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{delays.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("delay_ms", ["100", "300"])
def test_an_established_connection_pays_the_delay_within_two_percent(delay_ms: str, user: str) -> None:
    run("fidelity", delay_ms, user=user)


def test_the_tun_device_delays_as_well() -> None:
    run("fidelity", "100", "tun")


@pytest.mark.parametrize(
    "body",
    [
        "jitter",
        "new_connections_pay_once",
        "others_are_spared",
        "requests_of_the_target_pay",
        "whole_app_pays_once",
        "killed_helper_restores",
        "burst",
        "bodies_complete",
        "ipv6",
        "killed_tun_helper_restores",
    ],
)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


def test_each_rung_says_why_it_cannot() -> None:
    run("refused_without_rights")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"port": 0}, "between 1 and 65535"),
        ({"delay": 0.1, "jitter": 0.2}, "jitter must not be greater"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        NetworkDelay(**fields)  # type: ignore[arg-type]


def samples(delays_ms: list[float], packets: int = 7) -> list[dict[str, float]]:
    return [{"delay_ms": delay, "target_packets": packets} for delay in delays_ms]


@pytest.mark.parametrize(
    ("given", "landed", "why"),
    [
        (samples([300, 301, 302, 299, 300]), True, "within 15.0 ms of 300 ms"),
        (samples([300] * 4), False, "only 4 round trips"),
        (samples([330] * 9), False, "not within"),
        (samples([0.1] * 9), False, "not within"),
        (samples([300] * 9, packets=0), False, "0 packets of the target"),
        ([], False, "only 0 round trips"),
    ],
)
def test_what_counts_as_landed(given: list[dict[str, float]], landed: bool, why: str) -> None:
    delivered = NetworkDelay(delay=0.3, process="web").delivered(given)
    assert delivered.landed is landed
    assert why in delivered.why
    assert set(delivered.values) == {"delay_ms", "jitter_ms"}


def test_no_queue_and_no_rule_is_left_behind() -> None:
    run("nothing_is_left")


def test_the_helpers_die_with_their_parent() -> None:
    run("orphaned_helpers_end")


def test_the_presets_are_delays() -> None:
    assert [NetworkDelay.presets[i]["delay"] for i in ("low", "medium", "high")] == ["100ms", "300ms", "1s"]
