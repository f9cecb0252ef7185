"""The kinds of machine and user: which guest, which kernel and boot options, who, which sandbox and engine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One column of docs/machines.md."""

    name: str
    guest: str
    who: str
    sandbox: str = "local"
    engine: str = ""


GUESTS: dict[str, tuple[str, ...]] = {
    "v2": ("ours",),
    "engines": ("ours",),
    "hybrid": ("ours", "systemd.unified_cgroup_hierarchy=0"),
    "v1": ("ours", "systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1"),
    "debian": ("debian",),
    "here": ("here",),
    "here-too": ("here",),
    "here-as-well": ("here",),
}
"""Guest -> kernel and boot options. `debian` is linux.uml of Debian's package: netem, and nftables without a family."""

KINDS = (
    Kind("v2 root", "v2", "root"),
    Kind("v2 user", "v2", "ann"),
    Kind("v2 bare user", "v2", "bob"),
    Kind("hybrid root", "hybrid", "root"),
    Kind("v1 root", "v1", "root"),
    Kind("v2 Docker", "engines", "root", "container", "docker"),
    Kind("v2 Podman", "engines", "root", "container", "podman"),
    Kind("v2 rootless Podman", "engines", "ann", "container", "podman"),
    Kind("stock kernel", "debian", "root"),
)
UNBUILT = (
    Kind("here root", "here", "root"),
    Kind("here user", "here-too", "ann"),
    Kind("here bare user", "here-as-well", "bob"),
)
"""This machine's own files under that kernel and a systemd: nothing is built, so that CI can have it."""
IMAGE = "chaoslab-base:1"
"""What a container of an app's directory is made from, in a guest."""
FIRST = (
    "hog", "memory_limit", "cpu_throttle", "pid_exhaustion", "io_throttle", "memory_pressure", "network_delay",
    "network_delay:port", "dependency_failure", "dns_failure", "http_fault", "blackhole", "bandwidth",
)  # fmt: skip
"""What differs from kind to kind: run before all else."""
FAMILIES = ("disk_full", "process_kill", "cpu_throttle", "clock_skew", "http_fault", "dns_failure")
SHORT = {
    "here root": ("hog", "network_delay:port", "kill keeper", *FAMILIES),
    "here user": ("hog", "network_delay:port", "kill controller", *FAMILIES),
    "here bare user": ("hog", "kill agent", "cpu_throttle", "clock_skew"),
}
"""What these guests show at once in some minutes: a fault of each family, and who must be ended."""
REFUSES = {"http_fault": "connections cannot be redirected"}
"""What their kernel lacks, an nftables with a family, is told and nothing is left: that is what is shown."""
