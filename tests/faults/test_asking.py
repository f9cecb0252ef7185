"""What the app met by name and connection, seen in networks of their own; what is ours counts for nothing."""

import pytest

from tests.faults.network import asking
from tests.faults.target import in_own_network


@pytest.mark.parametrize("body", ["lookups", "askers", "reconnects"])
def test_in_a_network_of_its_own(body: str) -> None:
    print(in_own_network(f"{asking.__name__}:{body}"))


@pytest.mark.parametrize("mode", ["refuse", "blackhole", "reset"])
def test_packets_to_a_dependency_are_counted_without_ours(mode: str) -> None:
    print(in_own_network(f"{asking.__name__}:packets", mode))
