"""What a fault asks of whoever holds its sandbox: done once, from outside, and answered in a file inside.

A question is claimed before anything is done, so that another process that follows the same run later does not do it
again; what was claimed and never answered has failed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.errors import SandboxError, SandboxLost
from chaos.faults.sandbox_freeze import SandboxFreeze
from chaos.faults.sandbox_offline import SandboxOffline
from chaos.run_spec.parts import StepSpec
from chaos.runs.cancellation import Stop
from chaos.sandboxes import Sandbox
from chaos.sandboxes.support.base import FromOutside

_ANSWER = re.compile(r"/run/chaoslab/outside-[0-9]{1,20}\.json")
_BEATS = "/run/chaoslab/beats"
_ASKS = {"freeze": "sandbox_freeze", "cut": "sandbox_offline", "mend": "sandbox_offline"}
"""What may be asked for, and the type of fault that may ask."""


def why_not(asked: Mapping[str, Any], method: Sequence[StepSpec]) -> str | None:
    """Why an `outside.asked` event asks for what no step of the plan could; None when one could. Pure.

    `method` is the plan's; how long, and which network, is taken from there alone.
    """
    act = str(asked["act"])
    if act not in _ASKS:
        return "asks for something that nobody does from outside"
    if not _ANSWER.fullmatch(str(asked["answer"])):
        return "wants its answer in a file that is not for answers"
    faults = [
        step.fault.made() for step in method if step.name == asked["step"] and step.fault.type == _ASKS[act]
    ]
    if not faults:
        return f"asks for a {act} that no step of the plan is about"
    if act == "freeze" and asked.get("lasts_s") not in [
        float(fault.lasts) for fault in faults if isinstance(fault, SandboxFreeze)
    ]:
        return "asks for a freeze of another length than the plan's"
    if act == "freeze" and asked.get("beats") != _BEATS:
        return "names another file than the one of its beats"
    if act == "cut" and asked.get("network") not in [
        fault.network for fault in faults if isinstance(fault, SandboxOffline)
    ]:
        return "asks to cut another network than the plan's"
    return None


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
        await box.read(file, 0, 1)
    except SandboxLost:
        raise
    except SandboxError:
        return False
    return True
