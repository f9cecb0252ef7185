"""The agent's command line inside the sandbox.

`python -I -S agent.pyz FOLDER` carries out FOLDER/order.json and writes FOLDER/journal.ndjson.
`python -I -S agent.pyz capabilities FOLDER` prints as JSON which fault mechanisms work here.
`python -I -S agent.pyz behind-the-wall WISH COMMAND…` runs one command of the app's to its end, as its setup needs.
"""

import contextlib
import json
import os
import sys
from pathlib import Path

from chaos.agent.wall import Wall, run_alone, wish
from chaos.events.signing import KEY_BYTES
from chaos.run_spec.codec import decode
from chaos.run_spec.model import AloneSpec, RunSpec


def main() -> None:
    """Exit code 0 when the journal, or the printed JSON, tells the whole story."""
    if sys.argv[1] == "capabilities":
        from chaos.agent.capabilities import capabilities

        print(json.dumps(capabilities(Path(sys.argv[2]))))
    elif sys.argv[1] == "behind-the-wall":
        sys.exit(run_alone(decode(AloneSpec, json.loads(sys.argv[2])), sys.argv[3:]))
    else:
        _carry_out(Path(sys.argv[1]))


def _carry_out(folder: Path) -> None:
    """Begin the wall while there is a single thread and little memory; the rest is read while it is built."""
    wall = _begun()
    key = _given()
    order = RunSpec.from_json(json.loads((folder / "order.json").read_text()))
    if isinstance(wall, Wall) and not any(step.prepares for step in order.method):
        with contextlib.suppress(OSError):  # a warden that has gone: told when the wall is asked for
            wall.begin_building(wish(order))
    from chaos.agent.carrying_out import carry_out  # a tenth of a second of imports

    carry_out(order, folder, key, wall)


def _begun() -> Wall | OSError:
    try:
        return Wall.begin()
    except OSError as error:
        return error


def _given() -> bytes:
    """The key to sign with, from standard input; afterwards nothing is there any more, for us or any child."""
    key = b"" if os.isatty(0) else os.read(0, KEY_BYTES)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return key if len(key) == KEY_BYTES else b""
