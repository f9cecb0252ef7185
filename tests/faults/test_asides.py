"""A fault is met by those who use the app: not by the probes, the load and the commands that look at its dependency."""

import pytest

from tests.faults.network import asides
from tests.faults.target import in_own_network, users

AT_THE_FRONT = ("connection_reset", "delay", "http")


@pytest.mark.parametrize("name", asides.FAULTS)
def test_who_looks_from_the_side_does_not_meet_it_for_the_app(name: str) -> None:
    print(in_own_network(f"{asides.__name__}:nobody_uses_it", name))


@pytest.mark.parametrize("name", ["delay_of_a_port", "http"])
def test_nor_in_a_sandbox_of_an_ordinary_users(name: str) -> None:
    """Where this machine has such users; else there is nobody to be told apart from."""
    if "unprivileged" in users():
        print(in_own_network(f"{asides.__name__}:nobody_uses_it", name, unprivileged=True))


@pytest.mark.parametrize("name", AT_THE_FRONT)
def test_load_at_the_front_stands_for_users(name: str) -> None:
    print(in_own_network(f"{asides.__name__}:it_is_the_entrance", name))
