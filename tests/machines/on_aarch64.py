"""Runs under an emulated aarch64 with nothing but its Python: all that is sent into a sandbox can be loaded there.

python -m tests.machines.on_aarch64 FOLDER

makes a clock one hour ahead in FOLDER, and its library, for whoever is started next.
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

from chaos.faults.clock import library
from chaos.faults.clock.page import ClockPage
from chaos.namespaces import kernel

_SENT = ("chaos.agent", "chaos.events", "chaos.faults", "chaos.probes", "chaos.namespaces")


def main(folder: str) -> None:
    """Raises what a module, a system call or the library's unpacking raises."""
    assert os.uname().machine == "aarch64", os.uname()
    loaded = [importlib.import_module(name) for name in modules()]
    kernel.own_keyring()
    kernel.close_on_exec(1000)
    page = ClockPage(Path(folder), "app")
    page.make()
    page.set(3600.0)
    library.put_in_place(Path(folder))
    print(f"aarch64: {len(loaded)} modules loaded, keyctl and close_range answered")


def modules() -> Iterator[str]:
    for name in _SENT:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                yield found.name


if __name__ == "__main__":
    main(*sys.argv[1:])
