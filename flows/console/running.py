"""Where this machine's console is, for other programs of the same user: written down while it is served."""

from collections.abc import Iterator
from contextlib import contextmanager

from chaos.host import private
from chaos.settings import Settings
from flows.server.door.ports import HOST
from flows.server.process import Background

_RECORD = "console.json"


def address() -> str | None:
    """`http://127.0.0.1:8000`; None when none is served."""
    found = Background.load(Settings().state_folder / "console" / _RECORD)
    return f"http://{HOST}:{found.port}" if found else None


@contextmanager
def recorded(port: int) -> Iterator[None]:
    """It is there while the block lasts; of two, the one that began last is named."""
    record = private.state_folder(Settings().state_folder / "console") / _RECORD
    mine = Background.this(port)
    mine.save(record)
    try:
        yield
    finally:
        if Background.load(record) == mine:
            record.unlink(missing_ok=True)
