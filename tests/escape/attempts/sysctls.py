"""Settings of the kernel: /proc/sys, /sys and their kin; each is written as it is."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .core import Refused, attempt
from .places import first


def _rewritten(*names: str) -> Iterator[str]:
    for name in names:
        with contextlib.suppress(OSError):
            held = Path(name).read_bytes()
            Path(name).write_bytes(held)
            yield f"{name} written: {held[:40]!r}"


@attempt("sysctl")
def names_a_program_for_crashes() -> str:
    """core_pattern: the host's kernel runs it, as root."""
    return first(_rewritten("/proc/sys/kernel/core_pattern"), "it cannot be written")


@attempt("sysctl")
def names_a_program_for_devices_and_modules() -> str:
    """uevent_helper, modprobe, poweroff_cmd: run by the kernel, too."""
    names = ("/sys/kernel/uevent_helper", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/poweroff_cmd", "/proc/sys/kernel/hotplug")
    return first(_rewritten(*names), "none can be written")


@attempt("sysctl")
def registers_an_interpreter() -> str:
    """binfmt_misc, by a program that the host runs."""
    Path("/proc/sys/fs/binfmt_misc/register").write_text(":escaped:M::XESCX::/bin/true:")
    return "registered"


@attempt("sysctl")
def presses_the_magic_key() -> str:
    """/proc/sysrq-trigger: `h` only prints help."""
    Path("/proc/sysrq-trigger").write_text("h")
    return "pressed"


@attempt("sysctl", control=True)
def sets_the_network() -> str:
    """/proc/sys/net is of its network namespace: the agent's."""
    names = (
        "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/conf/lo/rp_filter", "/proc/sys/net/ipv4/tcp_retries2",
        "/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/net/core/somaxconn",
    )  # fmt: skip
    return first(_rewritten(*names), "none can be written")


@attempt("sysctl")
def sets_the_machine() -> str:
    """vm, fs, kernel: of everybody. (pid_max is of a pid namespace since Linux 6.14: its own is its own.)"""
    names = (
        "/proc/sys/vm/overcommit_memory", "/proc/sys/vm/swappiness", "/proc/sys/fs/file-max",
        "/proc/sys/kernel/panic", "/proc/sys/kernel/yama/ptrace_scope", "/proc/sys/kernel/threads-max", "/proc/sys/kernel/randomize_va_space",
        "/proc/sys/vm/panic_on_oom", "/proc/sys/kernel/keys/maxkeys",
    )  # fmt: skip
    return first(_rewritten(*names), "none can be written")


@attempt("sysctl")
def writes_below_sys() -> str:
    """Devices, modules, firmware, power."""
    return first(_writable("/sys"), "no file of the first thousand can be written")


def _writable(top: str) -> Iterator[str]:
    seen = 0
    for folder, folders, names in os.walk(top):
        if folder == "/sys/fs":
            folders[:] = [name for name in folders if name != "cgroup"]
        for name in names:
            seen += 1
            if seen > 1000:
                return
            with contextlib.suppress(OSError):
                os.close(os.open(Path(folder, name), os.O_WRONLY))
                yield f"{folder}/{name} opened for writing"


@attempt("sysctl")
def writes_elsewhere_below_proc() -> str:
    """What is neither a process nor sys."""
    names = ("/proc/irq/default_smp_affinity", "/proc/mtrr", "/proc/bus/pci/00/00.0", "/proc/acpi/wakeup", "/proc/timer_list", "/proc/fs")
    for name in names:
        with contextlib.suppress(OSError):
            if not Path(name).is_char_device():  # masked by /dev/null
                os.close(os.open(name, os.O_WRONLY))
                return f"{name} opened for writing"
    raise Refused("none of them")


@attempt("sysctl")
def learns_addresses_of_the_kernel() -> str:
    """kallsyms with addresses that are not 0."""
    with open("/proc/kallsyms") as lines:
        shown = [line.split()[0] for _, line in zip(range(50), lines, strict=False)]
    if all(int(address, 16) == 0 for address in shown):
        raise Refused("all of them are 0")
    return f"{shown[:3]}"
