"""The program of our local Prefect server: Prefect's own app behind the door, at one port of the loopback.

`prefect server start` does the same without a door (prefect/cli/_server_utils.py, `_run_in_foreground`). Its settings
come from the environment, the keys from its folder, PREFECT_HOME.
"""

import sys
from pathlib import Path

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from flows.server.door.door import App, Door
from flows.server.door.keys import Keys
from flows.server.door.ports import HOST


def main() -> None:
    """Serve until told to end; the keys must be there."""
    settings = get_current_settings()
    keys = Keys.load(Path(settings.home))
    if keys is None:
        sys.exit(f"no secret in {settings.home} that only its owner can read")
    app: App = create_app(final=True)
    api = settings.server.api
    uvicorn.run(
        Door(app, keys),
        host=HOST,
        port=keys.port,
        http="h11",  # the one parser that shows an absolute-form target as it came, and refuses two Hosts
        timeout_keep_alive=api.keepalive_timeout,
        ws_ping_interval=api.websocket_ping_interval,
        ws_ping_timeout=api.websocket_ping_timeout,
        log_level=settings.server.logging_level.lower(),
        server_header=False,
    )


if __name__ == "__main__":
    main()
