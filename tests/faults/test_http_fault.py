"""HTTP faults: a real server and real clients, each test in a network of its own."""

from typing import Any

import pytest

from chaos.faults.http_fault import HttpFault
from tests.faults.network import sites
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{sites.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("mode", ["status", "abort", "truncate", "close"])
def test_every_request_comes_to_what_was_asked(mode: str, user: str) -> None:
    run("each", mode, user=user)


@pytest.mark.parametrize("asked", ["0.1", "0.5"])
def test_a_share_of_the_requests_is_met(asked: str) -> None:
    run("share", asked)


@pytest.mark.parametrize("asked_ms", ["50", "300", "1500"])
@pytest.mark.paired
def test_requests_take_so_much_longer(asked_ms: str) -> None:
    run("delay", asked_ms)


@pytest.mark.parametrize("mode", ["status", "abort", "truncate", "close"])
def test_on_a_connection_that_is_open_only_what_is_meant_is_met(mode: str) -> None:
    run("kept_connections", mode)


@pytest.mark.parametrize("mode", ["status", "abort", "truncate", "close"])
def test_tls_is_read_where_that_is_asked_for(mode: str) -> None:
    run("secured", mode)


@pytest.mark.parametrize("moment", ["begin", "end"])
def test_what_is_not_meant_passes_the_begin_and_the_end(moment: str) -> None:
    run("across", moment)


@pytest.mark.parametrize("user", users())
def test_the_agents_end_is_enough(user: str) -> None:
    assert HttpFault.ends_with == "agent"
    run("killed_agent", user=user)


@pytest.mark.parametrize(
    "body",
    [
        "half_of_it",
        "by_path_and_method",
        "untouched",
        "server_first",
        "delayed_on_an_open_connection",
        "again",
        "leaver",
        "recognised",
        "by_host",
        "dead_server",
        "killed_proxy",
        "unknown_process",
        "overhead",
    ],
)
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "name the server: process, host or port"),
        ({"process": "web", "port": 80}, "process stands alone"),
        ({"port": 70000}, "between 1 and 65535"),
        ({"port": 80, "status": 200}, "that of an error"),
        ({"port": 80, "status": 599}, "that of an error"),
        ({"port": 80, "mode": "delay", "retry_after": 1.0}, "goes with mode status"),
        ({"port": 80, "retry_after": 0.5}, "whole seconds"),
        ({"port": 80, "prefix": "api"}, "prefix must begin with /"),
        ({"port": 80, "prefix": "/api?x"}, "prefix must begin with /"),
        ({"port": 80, "method": "get"}, "capitals"),
        ({"port": 80, "share": 0.0}, "more than 0%"),
        ({"port": 80, "grpc_status": 14}, "goes with protocol http2"),
        ({"port": 80, "protocol": "http2", "grpc_status": 14, "mode": "abort"}, "and mode status"),
        ({"port": 80, "protocol": "http2", "grpc_status": 0}, "1 to 16"),
        ({"port": 80, "protocol": "http2", "grpc_status": 17}, "1 to 16"),
        (
            {"port": 80, "protocol": "http2", "grpc_status": 14, "retry_after": 2.0},
            "does not go with grpcStatus",
        ),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        HttpFault(**fields)


def samples(
    hits: int, count: int, *, met: int = 5, matched: int = 50, saw: str = "503", later_ms: float = 0.0
) -> list[dict[str, Any]]:
    about = {"matched": matched, "faulted_requests": met, "later_ms": later_ms}
    evenly = [(number + 1) * hits // count > number * hits // count for number in range(count)]
    return [{"faulted": int(hit), "saw": saw if hit else "200", **about} for hit in evenly]


@pytest.mark.parametrize(
    ("asked", "seen", "landed", "why"),
    [
        (1.0, samples(100, 100), True, "100 of 100 requests of ours ended with 503"),
        (1.0, samples(98, 100), True, "98 of 100"),
        (1.0, samples(97, 100), False, "does not go with it"),
        (0.5, samples(66, 100), True, "goes with it"),
        (0.5, samples(68, 100), False, "does not go with it"),
        (0.1, samples(10, 109), False, "at least 110 are needed"),
        (0.1, samples(0, 110), False, "does not go with it"),
        (0.1, samples(11, 110), True, "11 of 110"),
        (0.1, samples(11, 110, met=3, matched=28), False, "too little traffic met it, 29 are needed"),
        (0.1, samples(0, 200), False, "does not go with it"),
        (1.0, samples(19, 19), False, "at least 20 are needed"),
        (1.0, samples(100, 100, met=0), False, "0 of 50 matching requests"),
    ],
)
def test_what_counts_as_landed(asked: float, seen: list[dict[str, Any]], landed: bool, why: str) -> None:
    delivered = HttpFault(port=80, share=asked).delivered(seen)
    assert delivered.landed is landed, delivered.why
    assert why in delivered.why
    assert delivered.samples == len(seen)


def test_what_could_not_be_read_comes_first_where_nothing_matched() -> None:
    about = {"connections_tls": 49, "open_unread": 2, "connections_secured": 0}
    seen = [{**sample, **about} for sample in samples(50, 50, met=0, matched=0)]
    delivered = HttpFault(port=443).delivered([*seen, {"carried_on": 1}])
    assert not delivered.landed
    assert delivered.why.startswith(
        "no request could be read; connections that were not HTTP/1.1 passed untouched: 49 TLS"
    )
    assert delivered.why.endswith("; 1 connection open at its end went on to its own")
    partly = [{**sample, **about} for sample in samples(50, 50)]
    assert HttpFault(port=443).delivered(partly).landed
    assert "; connections that were not HTTP/1.1 passed" in HttpFault(port=443).delivered(partly).why


def test_what_is_seen_is_what_is_delivered() -> None:
    fault = HttpFault(port=80, status=503)
    assert fault.delivered(samples(50, 50)).values == {"share": 1.0, "mode": "status", "status": "503"}
    grpc = HttpFault(port=80, protocol="http2", grpc_status=14)
    seen = samples(50, 50, saw="grpc-status 14")
    assert grpc.delivered(seen).values == {"share": 1.0, "mode": "status", "grpc_status": "14"}
    assert "50 of 50 requests of ours ended with grpc-status 14" in grpc.delivered(seen).why
    other = [{**sample, "faulted": 0, "saw": "502"} for sample in samples(50, 50)]
    delivered = fault.delivered(other)
    assert delivered.values["status"] == "502"
    assert "some ended otherwise: 502" in delivered.why


@pytest.mark.parametrize(
    ("later_ms", "landed"), [(200.0, True), (209.0, True), (211.0, False), (150.0, False)]
)
def test_a_delay_lands_when_its_median_is_near(later_ms: float, landed: bool) -> None:
    fault = HttpFault(port=80, mode="delay", delay=0.2)
    delivered = fault.delivered(samples(50, 50, saw="200", later_ms=later_ms))
    assert delivered.landed is landed, delivered.why
    assert delivered.values["delay_ms"] == later_ms
