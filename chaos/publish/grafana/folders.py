"""Folder of our dashboards in Grafana: found by its UID or title, or created.

What Grafana answers when one is there already differs from version to version (docs/grafana.md has the table with its
sources): 412, 409 or 400, with words or without. So a look comes first. What a search does not find may be there all
the same: not indexed yet, or under another title.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.publish.grafana.patience import status
from chaos.publish.grafana.session import Call, GrafanaRefused

UID = "chaoslab"
TITLE = "ChaosLab"
_TAKEN = (409, 412)
_NAME = "same name already exists"
"""Until Grafana 8.0 that was a 400."""


async def folder(call: Call) -> str:
    """The uid of our folder. Raises GrafanaRefused."""
    if (found := _ours(await _known(call))) is not None:
        return found
    try:
        made = await call("create_folder", title=TITLE, uid=UID)
    except GrafanaRefused as refused:
        if status(refused) not in _TAKEN and _NAME not in str(refused):
            raise
        # By its title: somebody has made it meanwhile. By its uid, or not found for now: it is ours all the same.
        return (_ours(await _known(call)) if _NAME in str(refused) else None) or UID
    return str(made.get("uid") or UID) if isinstance(made, Mapping) else UID


async def _known(call: Call) -> Sequence[Mapping[str, Any]]:
    """Folders whose titles are like ours; none where a search is refused, which making one does not need."""
    try:
        found = await call("search_folders", query=TITLE)
    except GrafanaRefused:
        return ()
    folders = found.get("dashboards") if isinstance(found, Mapping) else found
    return [each for each in folders or () if isinstance(each, Mapping)]


def _ours(known: Sequence[Mapping[str, Any]]) -> str | None:
    """Ours by its uid, whatever its title and place; else the one with our title at the top."""
    if any(each.get("uid") == UID for each in known):
        return UID
    top = (each for each in known if not each.get("folderUid") and not each.get("parentUid"))
    named = (each for each in top if str(each.get("title", "")).casefold() == TITLE.casefold())
    return next((str(each["uid"]) for each in named if each.get("uid")), None)
