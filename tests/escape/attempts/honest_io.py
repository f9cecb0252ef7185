"""What an honest app needs of sockets, events and devices, and must go on having."""

import ctypes
import os
import select
import signal
import socket
import struct
import threading
from pathlib import Path

from . import calls
from .core import honest
from .honest import holds
from .places import canary

NO_GROUP = "no group is shown: the agent itself enforces the limit"


def _served(family: int, address: object) -> bool:
    with socket.socket(family) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)  # type: ignore[arg-type]
        server.listen()
        with socket.socket(family) as client:
            client.connect(server.getsockname())
            line, _ = server.accept()
            with line:
                client.sendall(b"x")
                return line.recv(1) == b"x"


@honest
def serves_a_port_below_1024() -> str:
    """As root in there it may, also for an ordinary user outside."""
    return holds(_served(socket.AF_INET, ("127.0.0.1", 443)), "127.0.0.1:443")


@honest
def serves_on_every_address() -> str:
    """0.0.0.0, and ::1 where the loopback has it."""
    some = _served(socket.AF_INET, ("0.0.0.0", 0))
    if Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
        some = some and _served(socket.AF_INET6, ("::1", 0))
    return holds(some, "0.0.0.0 and ::1")


@honest
def serves_unix_sockets() -> str:
    """Named, abstract and paired, with descriptors and credentials passed on."""
    Path("/tmp/honest.sock").unlink(missing_ok=True)
    named, abstract = (
        _served(socket.AF_UNIX, "/tmp/honest.sock"),
        _served(socket.AF_UNIX, "\0attempts-honest"),
    )
    one, other = socket.socketpair()
    socket.send_fds(one, [b"x"], [1])
    _, descriptors, _, _ = socket.recv_fds(other, 1, 1)
    pid = struct.unpack("3i", other.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
    return holds(named and abstract and descriptors and pid == os.getpid(), "all kinds")


@honest
def speaks_udp() -> str:
    """Datagrams on the loopback."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other,
    ):
        one.bind(("127.0.0.1", 0))
        other.sendto(b"x", one.getsockname())
        one.settimeout(1)
        return holds(one.recv(1) == b"x", "one datagram")


@honest
def finds_other_processes_by_name() -> str:
    """Names of processes lead to the loopback; getaddrinfo(3) asks netlink(7) for its addresses."""
    return holds(socket.gethostbyname("web") == "127.0.0.1" and socket.getaddrinfo("localhost", 80), "web")


@honest
def lists_its_interfaces() -> str:
    """getifaddrs(3) and if_nameindex(3): netlink to read from."""
    return holds("lo" in [name for _, name in socket.if_nameindex()], "lo")


@honest
def waits_for_events() -> str:
    """epoll, poll, select, eventfd."""
    waker = os.eventfd(1) if hasattr(os, "eventfd") else os.pipe()[0]
    with select.epoll() as events:
        events.register(waker, select.EPOLLIN)
        return holds(events.poll(1) == [(waker, select.EPOLLIN)], "epoll of an eventfd")


@honest
def watches_its_files() -> str:
    """inotify(7): every development server."""
    watch = calls.libc.inotify_init1(os.O_NONBLOCK)
    held = calls.libc.inotify_add_watch(watch, b"/app", 0x100)
    Path("/app/honest-watched").write_text("")
    os.unlink("/app/honest-watched")
    return holds(
        watch >= 0 and held >= 0 and b"honest-watched" in os.read(watch, 4096), "a new file was told of"
    )


@honest
def has_timers_signals_and_memory_as_descriptors() -> str:
    """timerfd, signalfd, memfd, pidfd."""
    timer = calls.libc.timerfd_create(1, 0)
    calls.libc.timerfd_settime(timer, 0, struct.pack("4q", 0, 0, 0, 1_000_000), None)
    fired = struct.unpack("Q", os.read(timer, 8))[0]
    mask = ctypes.create_string_buffer(struct.pack("Q", 1 << (signal.SIGUSR2 - 1)), 128)
    told = calls.libc.signalfd(-1, mask, 0)
    memory = os.memfd_create("honest")
    os.write(memory, b"x")
    process = os.pidfd_open(os.getpid())
    return holds(fired == 1 and min(told, memory, process) >= 0, "all four")


@honest
def uses_the_usual_devices() -> str:
    """null, zero, full, random, urandom, stdout by name."""
    zero = _read_of("zero")
    random = [_read_of(name) for name in ("urandom", "random")]
    Path("/dev/null").write_text("x")
    with open("/dev/stderr", "w"):
        pass
    return holds(zero == b"\0" * 4 and all(random) and os.getrandom(4), "all of them")


def _read_of(device: str) -> bytes:
    with open(f"/dev/{device}", "rb") as file:
        return file.read(4)


@honest
def sees_its_limits() -> str:
    """/sys/fs/cgroup, where runtimes look for what they may use (JVM, Node, Go)."""
    names = ("memory/memory.limit_in_bytes", "memory.max")
    found = [path for path in (Path("/sys/fs/cgroup", name) for name in names) if path.exists()]
    if not found:
        return NO_GROUP
    return holds(found[0].read_text().strip() == canary()["memory_bytes"], f"{found}")


@honest
def uses_threads_and_locks_of_the_c_library() -> str:
    """futex(2), by conditions that wait."""
    condition = threading.Condition()
    seen: list[int] = []
    with condition:
        threading.Thread(target=lambda: _tell(condition, seen)).start()
        condition.wait(1)
    return holds(seen, "woken")


def _tell(condition: threading.Condition, seen: list[int]) -> None:
    with condition:
        seen.append(1)
        condition.notify()


@honest
def moves_bytes_in_the_kernel() -> str:
    """sendfile(2), splice(2), copy_file_range(2), fallocate(2), O_TMPFILE."""
    file = os.open("/app", os.O_TMPFILE | os.O_RDWR)
    os.posix_fallocate(file, 0, 4096)
    reading, writing = os.pipe()
    sent = os.sendfile(writing, file, 0, 100)
    moved = os.splice(reading, os.open("/dev/null", os.O_WRONLY), 50) if hasattr(os, "splice") else 50
    return holds(sent == 100 and moved == 50, "100 bytes")
