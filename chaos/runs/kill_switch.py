"""Kill switch of this machine: one small file that ends every experiment and refuses new ones.

Whoever conducts a run looks at it before the run begins, and four times a second while it lasts. The file is in the
state folder, so it works without any server; `flows.prefect.kill_switch` has the same of a Prefect variable, for
every machine.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos.errors import ChaosLabError, Interrupted
from chaos.host.private import state_folder
from chaos.runs.cancellation import Stop
from chaos.settings import Settings

POLL_EVERY_S = 0.25
"""How long a running experiment may not have noticed."""
_OFF = ("", "0", "false", "no", "null", "off")
"""What a person may write into the variable instead of deleting it, in any case."""


class Halted(Interrupted):
    """The switch is on: nothing may begin."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Why experiments are halted."""

    reason: str = ""
    by: str = ""
    """Who halted them: user@host, as far as it is known."""
    at: str = ""
    """When, for people: UTC, to the second."""
    where: str = ""
    """What to remove, when `chaoslab resume` cannot."""

    def __str__(self) -> str:
        said = "halted" + (f" by {self.by}" if self.by else "") + (f" at {self.at}" if self.at else "")
        return said + (f": {self.reason}" if self.reason else "")

    def refusal(self) -> Halted:
        """The error of a run that wants to begin."""
        return Halted(f"{self} ({self.where}); `chaoslab resume` lets experiments begin again")

    def to_json(self) -> dict[str, str]:
        """What is kept; `where` is where it is kept."""
        kept = asdict(self)
        del kept["where"]
        return kept

    @classmethod
    def read(cls, value: Any, where: str) -> "Halt | None":
        """What a kept value means: what nobody would write to say no, halts."""
        if value is None or str(value).strip().lower() in _OFF:
            return None
        if not isinstance(value, dict):
            return cls(reason="" if value is True else str(value), where=where)
        known = {key: str(value[key]) for key in ("reason", "by", "at") if value.get(key)}
        return cls(**known, where=where)


def now() -> str:
    """The present moment as `Halt.at`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def file() -> Path:
    """Where this machine's switch is, for this user."""
    return Settings().state_folder / "halt.json"


def halt(reason: str, by: str) -> Halt:
    """Turn it on; runs under way notice within POLL_EVERY_S. Raises ChaosLabError when it cannot be written."""
    made, path = Halt(reason, by, now(), str(file())), file()
    try:
        state_folder(path.parent)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(made.to_json()) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise ChaosLabError(f"{path}: cannot halt this machine: {error.strerror}") from error
    return made


def resume() -> bool:
    """Turn it off; whether it was on. Raises ChaosLabError."""
    try:
        file().unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ChaosLabError(f"{file()}: cannot resume this machine: {error.strerror}") from error
    return True


def halted(path: Path | None = None) -> Halt | None:
    """Why nothing may begin on this machine, if so. A file that cannot be understood halts as well."""
    path = path or file()
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # a folder that is not ours holds no wish of ours
    with suppress(ValueError):
        return Halt.read(json.loads(text), str(path))
    return Halt(reason=text.strip()[:200], where=str(path))


@asynccontextmanager
async def heeded(stop: Stop) -> AsyncIterator[None]:
    """Set `stop` as soon as this machine is halted while the block lasts. Raises Halted when it is already."""
    path = file()
    if found := halted(path):
        raise found.refusal()
    looking = asyncio.create_task(_look(path, stop))
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look(path: Path, stop: Stop) -> None:
    while not (found := halted(path)):
        await asyncio.sleep(POLL_EVERY_S)
    stop.set(str(found))
