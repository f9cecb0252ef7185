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
    names = ("modprobe", "poweroff_cmd", "hotplug")
    places = ["/sys/kernel/uevent_helper", *(f"/proc/sys/kernel/{name}" for name in names)]
    return first(_rewritten(*places), "none can be written")


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


@attempt("sysctl")
def sets_the_network() -> str:
    """/proc/sys/net is of its network namespace: the agent's."""
    names = (
        "ipv4/ip_forward", "ipv4/conf/lo/rp_filter", "ipv4/tcp_retries2", "ipv4/ip_unprivileged_port_start",
        "ipv4/ip_local_port_range", "core/somaxconn",
    )  # fmt: skip
    return first(_rewritten(*(f"/proc/sys/net/{name}" for name in names)), "none can be written")


@attempt("sysctl")
def sets_the_machine() -> str:
    """vm, fs, kernel: of everybody. (pid_max is of a pid namespace since Linux 6.14: its own is its own.)"""
    names = (
        "vm/overcommit_memory", "vm/swappiness", "vm/panic_on_oom", "fs/file-max", "kernel/panic",
        "kernel/yama/ptrace_scope", "kernel/threads-max", "kernel/randomize_va_space", "kernel/keys/maxkeys",
    )  # fmt: skip
    return first(_rewritten(*(f"/proc/sys/{name}" for name in names)), "none can be written")


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
    names = ("irq/default_smp_affinity", "mtrr", "bus/pci/00/00.0", "acpi/wakeup", "timer_list", "fs")
    for name in (f"/proc/{each}" for each in names):
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
