"""Mechanisms of each fault, for each provider, and why the others cannot be used there."""

from collections.abc import Iterator, Mapping, Sequence

from chaos.faults.network.packets import BACKENDS
from chaos.faults.support.base import Fault

NO_BACKEND: Mapping[str, Mapping[str, str]] = {
    "local": {},
    "container": {"tun": "a container has no /dev/net/tun"},
    "e2b": {"netem": "its guest kernel has no netem, and no modules"},
}
"""Rungs of the ladder that a provider's machines never have; of the others the first that works there acts."""
_PACKETS = tuple(name for name, _ in BACKENDS)
MECHANISMS: Mapping[str, Sequence[str]] = {
    "bandwidth": _PACKETS[1:],
    "blackhole": _PACKETS[1:],
    "clock_skew": ("preload",),
    "connection_refused": _PACKETS[1:],
    "connection_reset": _PACKETS[1:],
    "cpu_stress": ("burners",),
    "cpu_throttle": ("cfs-quota", "sigstop-ration"),
    "crash_loop": ("sigkill-on-sight",),
    "dependency_failure": ("nftables", "name-server"),
    "disk_full": ("allocated-file",),
    "disk_read_only": ("remount", "read-only-cover"),
    "dns_failure": ("name-server",),
    "fd_exhaustion": ("prlimit-nofile",),
    "http_fault": ("http-proxy",),
    "inode_exhaustion": ("remount-nr-inodes", "empty-files"),
    "io_stress": ("sync-writers",),
    "io_throttle": ("blkio-throttle", "io.max"),
    "memory_limit": ("cgroup-memory", "agent-enforced"),
    "memory_pressure": ("anonymous-memory",),
    "network_delay": _PACKETS,
    "packet_corrupt": _PACKETS[1:],
    "packet_duplicate": _PACKETS[1:],
    "packet_loss": _PACKETS[1:],
    "packet_reorder": _PACKETS[1:],
    "pid_exhaustion": ("cgroup-pids", "prlimit-nproc"),
    "process_kill": ("pidfd-signal",),
    "process_pause": ("sigstop",),
    "process_stop": ("pidfd-signal",),
    "sandbox_freeze": ("pause-resume",),
    "sandbox_offline": ("update-network",),
}
"""How each fault acts, the better way first; what came of it is in every result, with `real` or `emulated`."""
_TOLD: Mapping[str, str] = {"nfqueue": "a kernel packet queue (nfqueue)", "tun": "a TUN device (tun)"}


def in_words(fault: Fault, provider: str) -> str | None:
    """What will be tried in which order, and why not the rest; None when there is no choice to explain."""
    names = MECHANISMS[fault.type]
    unfit = {**NO_BACKEND[provider], **fault.unfit()}
    fit = [_TOLD.get(name, name) for name in names if name not in unfit]
    if len(names) == 1 or not fit:
        return None
    return "; ".join((f"by {', else '.join(fit)}", *_others(names, unfit)))


def _others(names: Sequence[str], unfit: Mapping[str, str]) -> Iterator[str]:
    for name in names:
        if name in unfit:
            yield f"not by {name}: {unfit[name]}"
