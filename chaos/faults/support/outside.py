"""Ask the controller for what can be done to a sandbox from outside only, and wait for its answer.

The question is an event in the journal, which the controller reads anyway; the answer is a file, JSON: what it `did`,
or why it `failed`. A controller that is lost answers nothing: the wait has an end.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.errors import FaultError

WITHIN_S = 60.0
_LOOK_EVERY_S = 0.05


def answer_in(file: Path) -> Mapping[str, Any] | None:
    """What was done; None while nobody has answered. Raises FaultError when it could not be done."""
    try:
        said: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    if "failed" in said:
        raise FaultError(f"from outside: {said['failed']}")
    return dict(said["did"])


def awaited(file: Path, within_s: float = WITHIN_S) -> Mapping[str, Any]:
    """The answer, when it comes. Raises FaultError when it does not."""
    give_up_at = time.monotonic() + within_s
    while (did := answer_in(file)) is None:
        if time.monotonic() > give_up_at:
            raise FaultError(f"nobody outside answered within {within_s:g} s")
        time.sleep(_LOOK_EVERY_S)
    return did
