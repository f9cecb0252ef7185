"""docs/sandboxes.md: which provider gives what, and by which mechanism each fault acts there; made from the models.

`python scripts/providers_page.py > docs/sandboxes.md`; with `--check FILE` it says whether FILE is stale.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.faults import FAULTS
from chaos.faults.support.base import Fault
from chaos.sandboxes.container.spec import ContainerSandbox
from chaos.sandboxes.container.start import CAPABILITIES
from chaos.sandboxes.support.spec import Sandbox
from chaos.sandboxes.union import SPECS

_INTRODUCTION = """# Sandboxes: which provider gives what

Made by `python scripts/providers_page.py`; do not edit. The same manifest runs on each of them: `sandbox.type` says
where. The agent, the journal, the faults and the verdicts are the same; what differs is below.
"""


def page() -> str:
    """All of it."""
    parts = [_INTRODUCTION, *_providers(), *_faults(), *_container()]
    return "\n".join(parts).rstrip() + "\n"


def _providers() -> Iterator[str]:
    rows = {
        "is": [_first_line(kind) for kind in SPECS.values()],
        "gives faults": [", ".join(f"`{name}`" for name in sorted(kind.provides)) for kind in SPECS.values()],
        "runs `target.image`": ["yes" if kind.runs_images else "no" for kind in SPECS.values()],
        "lacks": ["; ".join(why for why in kind.lacks.values()) or "nothing" for kind in SPECS.values()],
        "ports it keeps": [
            "; ".join(f"{port} is {whose}" for port, whose in kind.taken_ports.items()) or "none"
            for kind in SPECS.values()
        ],
    }
    yield from _table(
        ["", *(f"`{name}`" for name in SPECS)], [[name, *cells] for name, cells in rows.items()]
    )


def _faults() -> Iterator[str]:
    yield "\n## Faults\n"
    yield "A cell names the mechanisms in the order in which they are tried. `plan` refuses what a cell refuses.\n"
    rows = [
        [
            f"`{type_}`",
            *(_cell(FAULTS[type_], name, kind) for name, kind in SPECS.items()),
            _of_an_image(type_),
        ]
        for type_ in sorted(FAULTS)
    ]
    yield from _table(["fault", *(f"`{name}`" for name in SPECS), "in a container, of an `image`"], rows)
    yield "\nWhat they delivered when they were measured is in [fidelity.md](fidelity.md)."


def _cell(fault: type[Fault], provider: str, kind: type[Sandbox]) -> str:
    if lacking := sorted(fault.requires - kind.provides):
        return f"refused: lacks {', '.join(lacking)}"
    type_ = str(fault.__dataclass_fields__["type"].default)
    return ", ".join(name for name in FAULTS[type_].mechanisms if name not in kind.lacks)


def _of_an_image(type_: str) -> str:
    fault = FAULTS[type_]
    if not fault.requires <= ContainerSandbox.provides:
        return _cell(fault, "container", ContainerSandbox)
    if fault.prepares:
        return "refused: an image holds no library of ours"
    return "below /tmp" if "path" in fault.__dataclass_fields__ else "the same"


def _container() -> Iterator[str]:
    yield _CONTAINER
    yield from _table(["capability", "why"], [[f"`{name}`", why] for name, why in CAPABILITIES.items()])


_CONTAINER = """
## What a container is given

Never `--privileged`: these capabilities, its own namespaces, and the engine's seccomp profile. See
[containers.md](containers.md).
"""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(row) + " |" for row in rows)


def _first_line(kind: type[Sandbox]) -> str:
    return (kind.__doc__ or "").splitlines()[0].rstrip(".")


def main(arguments: Sequence[str]) -> int:
    """Print it, or say whether a file is it."""
    if arguments[:1] != ["--check"]:
        sys.stdout.write(page())
        return 0
    if Path(arguments[1]).read_text() == page():
        return 0
    sys.stderr.write(f"{arguments[1]} is stale; python scripts/providers_page.py > {arguments[1]}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
