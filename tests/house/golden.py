"""What the command says, kept in `golden/`: every help page, some plans, the result of every journal made by hand.

`python -m tests.house.golden` writes the files anew, from the top of the checkout; then read what `git diff` shows.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
from click.testing import CliRunner
from hatchling.builders.wheel import WheelBuilder

import flows.main  # noqa: F401  adds its verbs
from chaos.cli.main import cli

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "golden"
JOURNALS = Path("tests/journals")
PLANNED = (
    "hello.yaml",
    "catalogue/clock-skew.yaml",
    "catalogue/http-fault-fragile.yaml",
    "catalogue/orders-kept.yaml",
    "cloud/sandbox-freeze.yaml",
    "shop/dependency-failure.yaml",
    "shop/process-kill-trials.yaml",
    "game-days/shop.yaml",
)
"""One manifest a kind of plan."""
_SYSTEM = ("HOME", "LANG", "PATH", "PYTHONPATH", "VIRTUAL_ENV")
_BUILT = re.compile(r"-[0-9a-f]{8}\.")
_NEXT = re.compile(r"next at \d{4}-\d\d-\d\d \d\d:\d\d UTC")


def helps() -> str:
    """The help of every verb, as a terminal of 100 columns has it."""
    return "\n".join(f"$ {path} --help\n{page}\n" for path, page in _pages(cli, "chaoslab"))


def _pages(
    command: click.Command, path: str, parent: click.Context | None = None
) -> Iterator[tuple[str, str]]:
    context = click.Context(command, parent, info_name=path.rpartition(" ")[2], terminal_width=100)
    context.help_option_names = ["-h", "--help"]
    command._help_option = (
        None  # click keeps it from the first call, which may have been a test's, without this parent
    )
    yield path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _pages(below, f"{path} {name}", context)


def plans() -> str:
    """What `chaoslab plan` says of some of our own manifests."""
    return "\n".join(
        f"$ chaoslab plan {name}\n{_portable(said(['plan', f'experiments/{name}']))}" for name in PLANNED
    )


def _portable(text: str) -> str:
    """Without the folder of this checkout, and without today's date."""
    return _NEXT.sub("next at …", text.replace(str(ROOT), "…"))


def results() -> str:
    """A line for each journal: its name, and what `chaoslab analyze --json` says of it."""
    journals = sorted((ROOT / JOURNALS).glob("*.ndjson"))
    return "".join(f"{path.stem} {_result(path)}\n" for path in journals)


def _result(path: Path) -> str:
    said_of_it = said(["analyze", "--json", str(path.relative_to(ROOT))])
    return json.dumps(json.loads(said_of_it), ensure_ascii=False, separators=(",", ":"))


def data_files() -> str:
    """What is in the wheel beside Python, by name alone: the folders may change, and so may a built page's content."""
    names = (_BUILT.sub("-….", Path(name).name) for name in wheel() if not name.endswith(".py"))
    return "".join(f"{name}\n" for name in sorted(names))


def wheel() -> dict[str, Path]:
    """Every file that a wheel of this checkout would have, and where it is taken from."""
    files = WheelBuilder(str(ROOT)).recurse_included_files()
    return {file.distribution_path: Path(file.path) for file in files}


def said(arguments: list[str]) -> str:
    """What the command prints on standard output, of an environment without settings. Raises what it raises."""
    kept = {name: os.environ[name] for name in _SYSTEM if name in os.environ}
    with patch.dict(os.environ, kept, clear=True):
        done = CliRunner().invoke(cli, arguments)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.stdout


GOLDEN = {"help.txt": helps, "plans.txt": plans, "results.txt": results, "wheel.txt": data_files}


def differences(kept: Any, now: Any, where: str = "") -> Iterator[str]:
    """`steady_state[0].why: "…" -> "…"` for each place where two JSON documents are not the same."""
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in sorted(kept.keys() | now.keys()):
            yield from differences(kept.get(key), now.get(key), f"{where}.{key}".removeprefix("."))
    elif isinstance(kept, list) and isinstance(now, list) and len(kept) == len(now):
        for number, (one, other) in enumerate(zip(kept, now, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif kept != now:
        yield f"{where}: {json.dumps(kept, ensure_ascii=False)} -> {json.dumps(now, ensure_ascii=False)}"


def main() -> None:
    """Write every file anew."""
    for name, made in GOLDEN.items():
        (FOLDER / name).write_text(made(), "utf-8")


if __name__ == "__main__":
    main()
