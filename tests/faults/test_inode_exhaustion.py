"""A real tmpfs without inodes: each case in a mount namespace of its own, as root and as an ordinary user."""

import pytest

from chaos.errors import InjectionError
from chaos.faults.inode_exhaustion import InodeExhaustion
from tests.faults.disks import inodes
from tests.faults.target import LocalTarget, in_own_network, users


@pytest.mark.parametrize("user", users())
@pytest.mark.parametrize(
    "case",
    [
        "leaves_none",
        "leaves_seventeen",
        "with_files_where_the_limit_may_not_be_changed",
        "takes_again_what_the_app_frees",
        "what_the_app_uses_is_its_own",
        "while_the_app_makes_files",
        "more_than_there_are_is_refused",
        "a_killed_holder_gives_them_back",
    ],
)
def test_on_a_real_tmpfs(case: str, user: str) -> None:
    print(in_own_network(f"{inodes.__name__}:{case}", unprivileged=user == "unprivileged"), end="")


def test_a_place_that_is_not_there_is_refused() -> None:
    with LocalTarget() as target, pytest.raises(InjectionError, match="No such file"):
        InodeExhaustion(path="/no/such/folder").inject(target).__enter__()


@pytest.mark.parametrize(
    ("fields", "why"),
    [({"path": "tmp"}, "absolute"), ({"leave": -1}, "between 0 and"), ({"leave": 2**40}, "between")],
)
def test_bad_fields_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        InodeExhaustion(**fields)  # type: ignore[arg-type]


def sample(left: int, answer: str | None = "ENOSPC", free_bytes: int = 4096) -> dict[str, object]:
    return {"left_inodes": left, "free_inodes": left, "free_bytes": free_bytes, "answer": answer}


@pytest.mark.parametrize(
    ("given", "landed"),
    [
        ([sample(0)] * 7, True),
        ([sample(1, None)] * 7, False),
        ([sample(0, "made")] * 7, False),
        ([sample(0, free_bytes=0)] * 7, False),
    ],
)
def test_what_counts_as_landed(given: list[dict[str, object]], landed: bool) -> None:
    assert InodeExhaustion(leave=0).delivered(given).landed is landed
