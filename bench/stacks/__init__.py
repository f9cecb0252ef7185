"""Real stacks from Debian's packages, asked in two ways: `/`, and `/safe`, which copes without its dependency."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).parent
WITNESS = "witness.py"
_BACK = {"name": "back", "command": ["node", "back.js", "9000"], "port": 9000, "restart": "always"}
_READY = {"type": "http", "url": "http://127.0.0.1:8000/"}


class Stack(NamedTuple):
    """One stack: its front is the process `web` on port 8000."""

    name: str
    processes: tuple[Mapping[str, Any], ...]
    dependency: str = "back"
    http: bool = True
    """Whether front and dependency speak HTTP to each other."""
    pools: bool = False
    """Whether the front keeps its connections, so that a new one is seldom made."""
    halves: bool = False
    """Whether `dependency` is one of two."""
    setup: tuple[tuple[str, ...], ...] = ()
    user: str = ""

    def target(self, **web: Any) -> dict[str, Any]:
        """The `target` of a manifest, with these changes to the front, and without a witness."""
        front = {"name": "web", "port": 8000, "restart": "always", "ready": _READY}
        processes = [
            front | dict(each) | web if each["name"] == "web" else dict(each) for each in self.processes
        ]
        chosen = {"setup": [list(each) for each in self.setup], "user": self.user}
        return {
            "app": "app",
            "processes": processes,
            **{key: value for key, value in chosen.items() if value},
        }


def _web(*command: str, **more: Any) -> dict[str, Any]:
    return {"name": "web", "command": list(command), **more}


STACKS = (
    Stack("nginx", (_BACK, _web("nginx", "-e", "stderr", "-c", "/app/nginx.conf"))),
    Stack(
        "haproxy",
        (
            _BACK,
            {**_BACK, "name": "other", "command": ["node", "back.js", "9001"], "port": 9001},
            _web("haproxy", "-db", "-f", "haproxy.cfg"),
        ),
        halves=True,
    ),
    Stack(
        "postgres",
        (
            {"name": "db", "command": ["sh", "serve.sh"], "port": 5432, "restart": "always"},
            _web(
                *("/usr/bin/gunicorn", "--workers", "2", "--threads", "4", "--bind", "127.0.0.1:8000", "web:app"),
                env={"DSN": "host=db user=app dbname=postgres connect_timeout=2 tcp_user_timeout=1000"},
            ),
        ),
        dependency="db",
        http=False,
        pools=True,
        setup=(("sh", "initdb.sh"),),
        user="nobody",
    ),
    Stack(
        "redis",
        (
            {
                "name": "store",
                "command": ["redis-server", "--save", "", "--bind", "127.0.0.1"],
                "port": 6379,
                "restart": "always",
            },
            _web("/usr/bin/python3", "web.py"),
        ),
        dependency="store",
        http=False,
        pools=True,
    ),
    Stack("node", (_BACK, _web("node", "web.js"))),
    Stack("java", (_BACK, _web("java", "Main")), setup=(("javac", "Main.java"),)),
)  # fmt: skip
