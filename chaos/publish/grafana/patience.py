"""Retries of Grafana calls: what is repeated when Grafana fails, and what is not.

Asked again is only what can be done twice: reading, and saving a dashboard under its own uid over whatever is there.
What is not (an annotation, which would be there twice) is asked again by whoever looks first what is there.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from chaos.publish.grafana.session import Call, GrafanaRefused

T = TypeVar("T")

TWICE = frozenset(
    (
        "list_datasources",
        "get_datasource",
        "search_folders",
        "create_folder",  # the second one is told that it is there, as every delivery after the first is
        "update_dashboard",
        "get_dashboard_by_uid",
        "get_annotations",
        "generate_deeplink",
    )
)
"""Tools that may be asked again without a look at what the first try has done."""
PAUSES_S = (0.2, 0.6)
"""Before the second try and the third; a run waits at most a few seconds for all of a delivery."""
_STATUS = re.compile(r"(?:\]\[|\bstatus |\bHTTP )(\d{3})\b")
"""As mcp-grafana words it: `[POST /folders][409] createFolderConflict …`, `createFolder (status 412): {}`,
`kubernetes API error: 503 Service Unavailable (HTTP 503)`."""
_FOR_NOW = frozenset((408, 425, 429, 500, 502, 503, 504))
_TORN = ("EOF", "connection reset", "broken pipe", "connection refused", "i/o timeout", "deadline exceeded")


def status(refused: GrafanaRefused) -> int | None:
    """Grafana's HTTP status in a refusal, when it is about one."""
    found = _STATUS.search(str(refused))
    return int(found[1]) if found else None


def passing(refused: GrafanaRefused) -> bool:
    """Whether it may be otherwise in a moment."""
    code = status(refused)
    return code in _FOR_NOW if code is not None else any(word in str(refused) for word in _TORN)


async def again(work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns, begun up to three times. Raises GrafanaRefused."""
    for pause_s in PAUSES_S:
        try:
            return await work()
        except GrafanaRefused as refused:
            if not passing(refused):
                raise
        await asyncio.sleep(pause_s)
    return await work()


def patient(call: Call) -> Call:
    """The same way to ask tools, in which those of TWICE are asked again."""

    async def asked(tool: str, /, **arguments: Any) -> Any:
        if tool not in TWICE:
            return await call(tool, **arguments)
        return await again(lambda: call(tool, **arguments))

    return asked
