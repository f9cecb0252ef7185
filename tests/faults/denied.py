"""What the tests of all faults that deny connections need."""

from tests.faults.network import denials
from tests.faults.target import in_own_network

BODIES = (
    "only_the_peer",
    "half_of_them",
    "unmet",
    "nothing_is_left",
    "killed_injector_ends_it",
    "on_another_machine",
)
"""Of tests.faults.network.denials; each takes the fault's name."""


def run(body: str, *arguments: str, user: str = "own") -> None:
    """Carry one out in a network of its own."""
    print(in_own_network(f"{denials.__name__}:{body}", *arguments, unprivileged=user == "unprivileged"))


def seen(failed: int, count: int, met: int = 3, ended: int = 0) -> list[dict[str, object]]:
    """Samples of so many attempts of ours, of which so many failed, evenly, and how often the target met it."""
    met_so = {"target_packets": 9, "target_treated": met, "ended": ended}
    hits = [(number + 1) * failed // count - number * failed // count for number in range(count)]
    return [{"failed": hit, "as": "?", "took_ms": 1.0, **met_so} for hit in hits]
