"""What an honest app needs of memory and files, and must go on having."""

import ctypes
import fcntl
import mmap
import multiprocessing
import os
import struct
from multiprocessing import shared_memory
from pathlib import Path

from . import calls
from .core import honest
from .honest import holds


@honest
def shares_memory_by_posix() -> str:
    """shm_open(3)."""
    shared = shared_memory.SharedMemory(create=True, size=4096)
    memory = shared.buf
    assert memory is not None
    child = os.fork()
    if child == 0:
        memory[0] = 42
        os._exit(0)
    os.waitpid(child, 0)
    seen = memory[0]
    del memory
    shared.close()
    shared.unlink()
    return holds(seen == 42, "a page between two processes")


@honest
def shares_memory_by_system_v() -> str:
    """shmget(2), shmat(2), semget(2), as PostgreSQL does."""
    shared = calls.libc.shmget(0, 4096, 0o1600)
    calls.libc.shmat.restype = ctypes.c_void_p
    place = calls.libc.shmat(shared, None, 0)
    ctypes.memmove(place, b"here", 4)
    seen = ctypes.string_at(place, 4)
    calls.libc.shmctl(shared, 0, None)
    semaphores = calls.libc.semget(0, 2, 0o1600)
    calls.libc.semctl(semaphores, 0, 0)
    return holds(shared >= 0 and semaphores >= 0 and seen == b"here", "a segment and two semaphores")


@honest
def locks_between_processes() -> str:
    """multiprocessing.Lock: sem_open(3)."""
    with multiprocessing.get_context("fork").Lock():
        return "taken"


@honest
def writes_where_it_may() -> str:
    """/tmp, /app, /var/tmp, /dev/shm, and its home."""
    for folder in ("/tmp", "/app", "/var/tmp", "/dev/shm", os.environ["HOME"]):
        place = Path(folder, "honest")
        place.write_text("x")
        place.chmod(0o600)
        os.link(place, f"{place}.linked")
        os.symlink(place, f"{place}.symbolic")
        for each in (place, Path(f"{place}.linked"), Path(f"{place}.symbolic")):
            each.unlink()
    return "files, modes, hard and symbolic links"


@honest
def locks_files() -> str:
    """flock(2), fcntl(2) locks, as databases do."""
    with open("/app/honest-lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.unlink("/app/honest-lock")
    return "locked both ways"


@honest
def runs_code_that_it_makes() -> str:
    """mmap(2) with PROT_EXEC, and mprotect(2): every just-in-time compiler."""
    place = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    place.write(
        b"\xb8\x2a\0\0\0\xc3"
        if os.uname().machine == "x86_64"
        else struct.pack("<II", 0x52800540, 0xD65F03C0)
    )
    run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(place)))
    return holds(run() == 42, "made, and run")
