"""DNS failure: real lookups of a real resolver, each test in a network and with mounts of its own."""

from typing import Any

import pytest

from chaos.faults.dns_failure import ENDS_AS, DnsFailure
from tests.faults.network import lies
from tests.faults.target import in_own_network, users


def run(body: str, *arguments: str, user: str = "own") -> None:
    print(in_own_network(f"{lies.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


@pytest.mark.parametrize("mode", ["nxdomain", "servfail", "timeout"])
def test_the_name_fails_as_asked(mode: str) -> None:
    run("fails", mode, ENDS_AS[mode])


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize("delay_ms", ["400", "800"])
@pytest.mark.paired
def test_the_name_is_found_so_much_later(delay_ms: str, user: str) -> None:
    run("slow", delay_ms, user=user)


@pytest.mark.paired
def test_a_resolver_that_would_not_wait_so_long_is_told_to() -> None:
    run("slow", "1500")  # resolv.conf says timeout:1


@pytest.mark.parametrize("address", [lies.SPOOFED, "fd00::66"])
def test_the_name_leads_elsewhere(address: str) -> None:
    run("spoof", address)


@pytest.mark.parametrize("body", ["unknown_before", "already_there", "on_and_off"])
def test_in_a_network_of_its_own(body: str) -> None:
    run(body)


@pytest.mark.parametrize("user", users())
def test_the_agents_end_is_enough(user: str) -> None:
    assert DnsFailure.ends_with == "agent"
    run("killed_agent", user=user)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"host": "10.0.0.1"}, "a name that can be looked up"),
        ({"host": ""}, "a name that can be looked up"),
        ({"host": "db", "mode": "spoof"}, "write both or neither"),
        ({"host": "db", "address": "127.0.0.9"}, "write both or neither"),
        ({"host": "db", "mode": "spoof", "address": "elsewhere"}, "IPv4 or IPv6 address"),
        ({"host": "db", "mode": "slow", "delay": 25.0}, "at most 20s"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        DnsFailure(**fields)


def lookups(ended_as: list[str], *, healthy: bool = True, **more: Any) -> list[dict[str, Any]]:
    return [
        {"as": one, "took_ms": 1.0, "delay_ms": 0.0, "healthy_before": healthy, **more} for one in ended_as
    ]


@pytest.mark.parametrize(
    ("samples", "landed", "why"),
    [
        (lookups(["EAI_NONAME"] * 20), True, "20 of 20 lookups"),
        (lookups(["EAI_NONAME"] * 19 + ["resolved"]), True, "19 of 20"),
        (lookups(["EAI_NONAME"] * 18 + ["resolved"] * 2), False, "18 of 20"),
        (lookups(["EAI_NONAME"] * 2), False, "at least 3 are needed"),
        (lookups(["EAI_NONAME"] * 9, healthy=False), False, "could not be looked up before"),
        (lookups(["EAI_AGAIN"] * 9), False, "0 of 9"),
    ],
)
def test_what_counts_as_landed(samples: list[dict[str, Any]], landed: bool, why: str) -> None:
    delivered = DnsFailure(host="db").delivered(samples)
    assert delivered.landed is landed
    assert why in delivered.why


@pytest.mark.parametrize(
    ("delay_ms", "landed"), [(500.0, True), (520.0, True), (540.0, False), (300.0, False)]
)
def test_slow_lands_when_the_median_is_near(delay_ms: float, landed: bool) -> None:
    fault = DnsFailure(host="db", mode="slow", delay=0.5)
    delivered = fault.delivered(lookups(["resolved"] * 12, delay_ms=delay_ms))
    assert delivered.landed is landed
    assert delivered.values["delay_ms"] == delay_ms
    assert (delivered.low, delivered.high) == (delay_ms, delay_ms)


def test_spoof_lands_only_where_it_should_lead() -> None:
    fault = DnsFailure(host="db", mode="spoof", address="::0:9")
    assert fault.delivered(lookups(["resolved"] * 5, address="::9")).landed
    elsewhere = fault.delivered(lookups(["resolved"] * 5, address="::8"))
    assert not elsewhere.landed
    assert elsewhere.values["address"] == "another"
