"""The choice of a fault's mechanism, explained before anything runs."""

import pytest

from chaos.faults.bandwidth import Bandwidth
from chaos.faults.disk_full import DiskFull
from chaos.faults.memory_limit import MemoryLimit
from chaos.faults.network.netem import why_unfit
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.support.base import Fault
from chaos.manifests.mechanisms import in_words

QUEUE = "by a kernel packet queue (nfqueue), else a TUN device (tun)"


@pytest.mark.parametrize(
    ("fault", "provider", "said"),
    [
        (NetworkDelay(port=8000), "local", f"by netem, else {QUEUE.removeprefix('by ')}"),
        (NetworkDelay(port=8000), "container", "by netem, else a kernel packet queue (nfqueue); not by tun"),
        (NetworkDelay(port=8000), "e2b", f"{QUEUE}; not by netem: its guest kernel has no netem"),
        (NetworkDelay(process="web"), "local", f"{QUEUE}; not by netem: it selects by port, and this is by process"),
        (NetworkDelay(), "local", f"{QUEUE}; not by netem: it selects by port, and this is by process"),
        (NetworkDelay(port=8000, direction="in"), "local", f"{QUEUE}; not by netem: it delays what leaves"),
        (NetworkDelay(port=8000, direction="both"), "local", f"{QUEUE}; not by netem: it delays what leaves"),
        (NetworkDelay(port=8000, peer="db:5432"), "local", f"{QUEUE}; not by netem: it is made for all peers"),
        (NetworkDelay(port=8000, jitter=0.01), "local", f"{QUEUE}; not by netem: it would reorder"),
        (Bandwidth(), "local", QUEUE),
        (MemoryLimit(), "local", "by cgroup-memory, else agent-enforced"),
    ],
)  # fmt: skip
def test_what_is_tried_and_what_is_not(fault: Fault, provider: str, said: str) -> None:
    words = in_words(fault, provider)
    assert words is not None
    assert words.startswith(said)


def test_where_there_is_one_way_there_is_nothing_to_explain() -> None:
    assert in_words(DiskFull(), "local") is None


def test_netem_fits_a_delay_of_what_leaves_a_port() -> None:
    assert why_unfit(by_owner=False, ways=("out",), peers=False, jitter=False) is None
