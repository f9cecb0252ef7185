"""Identities: what of the agent's ids the app gets."""

from random import Random

import pytest

from chaos.agent.identities import Identities, identities, unused

WHOLE = "         0          0 4294967295\n"
SANDBOX = "         0 1855979520     131072\n"
ROOTLESS = "         0       1000          1\n         1     100000      65536\n"
ORDINARY = "         0       1000          1\n"


@pytest.mark.parametrize(
    ("uid_map", "keep", "expected"),
    [
        (SANDBOX, False, Identities("own", ("0 65536 65536",), 65536, 65536)),
        (SANDBOX, True, Identities("kept", ("0 0 131072",), 0, 131072)),
        (ROOTLESS, False, Identities("own", ("0 32768 32769",), 32768, 32769)),
        (ROOTLESS, True, Identities("kept", ("0 0 65537",), 0, 65537)),
        (ORDINARY, False, Identities("one", ("0 0 1",), 0, 1)),
        (ORDINARY, True, Identities("one", ("0 0 1",), 0, 1)),
        ("0 5 1\n7 9 65536\n", False, Identities("one", ("0 0 1",), 0, 1)),
        ("0 5 1500\n", False, Identities("one", ("0 0 1",), 0, 1)),
    ],
)
def test_what_it_gets(uid_map: str, keep: bool, expected: Identities) -> None:
    assert identities(uid_map, keep=keep, unused_base=700_000) == expected


def test_of_a_whole_machine_it_gets_ids_that_nobody_uses() -> None:
    base = unused(Random(1))
    assert 524_288 <= base < 1_878_982_656
    expected = Identities("own", (f"0 {base} 65536",), base, 65536)
    assert identities(WHOLE, keep=False, unused_base=base) == expected
    assert identities(WHOLE, keep=True, unused_base=base).lines == ("0 0 2147483648",)
