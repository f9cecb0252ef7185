"""Network delay: real packets of real processes, each test in a network of its own."""

from typing import Literal

import pytest

from chaos.faults.network_delay import NetworkDelay
from tests.faults.network import delays
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{delays.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("delay_ms", ["5", "100", "300", "2000"])
@pytest.mark.paired
def test_established_connections_pay_the_delay_within_a_millisecond_or_one_percent(delay_ms: str) -> None:
    run("fidelity", delay_ms)


@pytest.mark.parametrize("user", users()[1:])
@pytest.mark.paired
def test_an_ordinary_user_may_delay_without_a_real_time_priority(user: str) -> None:
    run("fidelity", "100", "nfqueue", "0.02", user=user)


@pytest.mark.parametrize("distribution", ["uniform", "normal", "pareto"])
@pytest.mark.paired
def test_delays_spread_as_asked(distribution: str) -> None:
    run("jitter", distribution)


@pytest.mark.parametrize("direction", ["out", "in", "both"])
@pytest.mark.parametrize("rung", ["nfqueue", "tun"])
def test_a_round_trip_pays_once_in_each_direction(direction: str, rung: str) -> None:
    run("directions", direction, rung)


@pytest.mark.parametrize("direction", ["in", "both"])
def test_the_targets_own_requests_pay_in_each_direction(direction: str) -> None:
    run("answers_to_the_target_pay", direction)


@pytest.mark.parametrize(
    ("peer", "direction"), [("127.0.0.1:9000", "out"), ("inventory", "in"), ("localhost:9000", "both")]
)
def test_only_traffic_with_the_peer_pays(peer: str, direction: str) -> None:
    run("only_one_peer", peer, direction)


@pytest.mark.paired
def test_the_tun_device_delays_as_well() -> None:
    run("fidelity", "100", "tun", "0.02")


@pytest.mark.parametrize(
    "body",
    [
        "only_one_address",
        "a_peer_without_an_address",
        "new_connections_pay_once",
        "others_are_spared",
        "requests_of_the_target_pay",
        "whole_app_pays_once",
        "killed_helper_restores",
        "burst",
        "bodies_complete",
        "ipv6",
        "killed_tun_helper_restores",
        "a_connect_timeout_is_felt",
        "connections_of_the_target_pay",
    ],
)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


@pytest.mark.parametrize(
    ("direction", "rung", "jitter"),
    [
        ("both", "nfqueue", "0"),
        ("out", "nfqueue", "0"),
        ("in", "nfqueue", "0"),
        ("both", "nfqueue", "0.05"),
        ("both", "tun", "0"),
    ],
)
def test_a_longer_road_is_felt_by_handshakes(direction: str, rung: str, jitter: str) -> None:
    run("handshakes", direction, rung, jitter)


def test_each_rung_says_why_it_cannot() -> None:
    run("refused_without_rights")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"process": "web", "port": 80}, "exclude each other"),
        ({"port": 0}, "between 1 and 65535"),
        ({"delay": 0.1, "jitter": 0.2}, "jitter must not be greater"),
        ({"delay": 0.1, "jitter": 0.06, "direction": "both"}, "half of the delay"),
        ({"distribution": "poisson"}, "one of uniform, normal, pareto"),
        ({"peer": "db:70000"}, "between 1 and 65535"),
        ({"peer": "db:"}, "a host or an address"),
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


@pytest.mark.parametrize(
    ("spread_ms", "landed", "why"),
    [
        (20, True, "its uniform jitter 20.0 ms within"),
        (1, False, "jitter 1.0 ms not within"),
        (60, False, "not within"),
    ],
)
def test_a_spread_that_was_not_asked_has_not_landed(spread_ms: float, landed: bool, why: str) -> None:
    given = samples([300 + spread_ms * (step / 50 - 1) for step in range(101)])
    delivered = NetworkDelay(delay=0.3, jitter=0.02).delivered(given)
    assert delivered.landed is landed, delivered
    assert why in delivered.why


@pytest.mark.parametrize(
    ("direction", "handshake", "connect_ms", "landed", "why"),
    [
        (
            "both",
            None,
            [300.0],
            True,
            "a connection paid 300.0 ms (1), a TLS 1.2 handshake (two round trips) 601.0 ms",
        ),
        ("both", None, [0.2], False, "a connection paid 0.2 ms (1), which is not near it"),
        ("both", None, [302.0] * 5 + [700.0], True, "a connection paid 302.0 ms (6)"),
        ("both", None, [600.0] * 5, False, "which is not near it"),
        ("both", None, [], False, "no connection was measured"),
        ("both", False, [0.2], True, "landed"),
        ("out", None, [0.2], True, "landed"),
        ("out", True, [0.2], False, "which is not near it"),
    ],
)
def test_where_handshakes_are_asked_to_pay_connecting_must(
    direction: Literal["out", "both"], handshake: bool | None, connect_ms: list[float], landed: bool, why: str
) -> None:
    given: list[dict[str, float]] = samples([300.0] * 9) + [{"connect_ms": took} for took in connect_ms]
    given.append({"tls_handshake_ms": 601.0, "target_packets": 7})
    delivered = NetworkDelay(delay=0.3, direction=direction, handshake=handshake).delivered(given)
    assert delivered.landed is landed, delivered.why
    assert why == "landed" or why in delivered.why, delivered.why


def test_no_queue_and_no_rule_is_left_behind() -> None:
    run("nothing_is_left")


def test_the_helpers_die_with_their_parent() -> None:
    run("orphaned_helpers_end")


def test_the_presets_are_delays() -> None:
    assert [NetworkDelay.presets[i]["delay"] for i in ("low", "medium", "high")] == ["100ms", "300ms", "1s"]
