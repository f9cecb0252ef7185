"""What a fault asks of whoever holds its sandbox: done once, from outside, and answered in a file inside.

A question is claimed before anything is done, so that another process that follows the same run later does not do it
again; what was claimed and never answered has failed.
"""

import json
from collections.abc import Mapping
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.sandboxes import Sandbox
from chaos.sandboxes.base import FromOutside
from chaos.stop import Stop


async def answer(box: Sandbox, asked: Mapping[str, Any], stop: Stop) -> None:
    """Do what an `outside.asked` event asks for, and say in there what came of it. Raises SandboxError."""
    file = str(asked["answer"])
    if await box.put(f"{file}.claim", b"", exclusive=True):
        said = await _said(box, asked, stop)
    elif await _is_there(box, file):
        return
    else:
        said = {"failed": "whoever began to do it is no more"}
    await box.put(file, json.dumps(said).encode())


async def _said(box: Sandbox, asked: Mapping[str, Any], stop: Stop) -> dict[str, Any]:
    if not isinstance(box, FromOutside):
        return {"failed": f"a sandbox of type '{box.ref.type}' knows no '{asked['act']}'"}
    try:
        match asked["act"]:
            case "freeze":
                return {"did": await box.freeze(float(asked["lasts_s"]), str(asked["beats"]), stop)}
            case "cut":
                return {"did": await box.cut(str(asked["network"]))}
            case "mend":
                return {"did": await box.cut(None)}
    except SandboxLost:
        raise
    except SandboxError as error:
        return {"failed": str(error)}
    return {"failed": f"nobody knows what '{asked['act']}' is"}


async def _is_there(box: Sandbox, file: str) -> bool:
    try:
        await box.read(file)
    except SandboxLost:
        raise
    except SandboxError:
        return False
    return True
