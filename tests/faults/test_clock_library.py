"""The committed libraries of clock_skew, for every architecture: read as ELF, not run."""

import base64
import importlib
import struct
import zlib

import pytest

_MACHINES = {"x86_64": 62, "aarch64": 183}
"""EM_* of <elf.h>."""
_DYNAMIC_SYMBOLS, _STRONG, _UNDEFINED = 11, 1, 0
"""SHT_DYNSYM, STB_GLOBAL, SHN_UNDEF."""
_ANSWERED = {"clock_gettime", "gettimeofday", "time", "timespec_get", "clock_nanosleep", "sem_timedwait"}


def library(machine: str) -> bytes:
    return zlib.decompress(
        base64.b85decode(importlib.import_module(f"chaos.faults.clock.preload_{machine}").PACKED)
    )


def symbols(elf: bytes) -> dict[str, tuple[int, int]]:
    """Name -> binding and section, of the dynamic symbols (`Elf64_Shdr`, `Elf64_Sym` of elf(5))."""
    (at,) = struct.unpack_from("<Q", elf, 40)
    size, count = struct.unpack_from("<HH", elf, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, at + size * number) for number in range(count)]
    (table,) = [section for section in sections if section[1] == _DYNAMIC_SYMBOLS]
    names = sections[table[6]][4]
    found = {}
    for place in range(table[4], table[4] + table[5], 24):
        name, info, _, section = struct.unpack_from("<IBBH", elf, place)
        found[elf[names + name : elf.index(0, names + name)].decode()] = (info >> 4, section)
    return found


@pytest.mark.parametrize(("machine", "number"), _MACHINES.items())
def test_it_is_of_that_architecture_and_needs_nobody(machine: str, number: int) -> None:
    """A compiler's own helpers, as for atomics, would be a symbol that nobody has: then nothing would start at all."""
    elf = library(machine)
    assert elf[:6] == b"\x7fELF\x02\x01"
    assert struct.unpack_from("<H", elf, 18) == (number,)
    found = symbols(elf)
    assert found.keys() >= _ANSWERED
    assert [name for name, seen in found.items() if seen == (_STRONG, _UNDEFINED)] == []
