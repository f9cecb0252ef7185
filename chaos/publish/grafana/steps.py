"""Steps of a delivery by Grafana's MCP server, in order; each can be done twice.

1. data source   the one with our Prometheus's URL, or ours by its uid, or a new one
2. folder        ours by its uid, or the one with our title, or a new one
3. dashboard     stored under its fixed uid, then linked with the run and its time range
4. read back     what Grafana keeps must be what was sent
5. windows       an annotation for each fault window that has none yet
6. panels        every panel's query, run as Grafana runs it
"""

import asyncio
import html
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.publish.grafana.compare import first_difference
from chaos.publish.grafana.dispatch import Annotation, Dispatch, Receipt
from chaos.publish.grafana.folders import TITLE, UID, folder
from chaos.publish.grafana.patience import again, patient, status
from chaos.publish.grafana.queries import Query, queries_of, step_s
from chaos.publish.grafana.session import Call, GrafanaRefused
from chaos.text.inert import one_line

MOST_WINDOWS = 100
"""Marked a run; a series of many trials has more, and its own series to show them."""
_TOGETHER = 4
"""Queries at the same time."""


async def carry_out(call: Call, dispatch: Dispatch, receipt: Receipt) -> None:
    """All of them; `receipt` says how far it came. Raises GrafanaRefused."""
    at_once, call = call, patient(call)
    source = await data_source(call, dispatch.prometheus_url)
    place = await folder(call)
    dashboard = pointed_at(source, dispatch.dashboard)
    receipt.url = await save(call, dashboard, place, f"run {dispatch.run_id}")
    receipt.link = await linked(call, dispatch)
    await read_back(call, dashboard)
    receipt.marked = await again(lambda: mark(at_once, dispatch))
    for beside in dispatch.besides:
        if not await keep(call, pointed_at(source, beside), place):
            receipt.left.append(str(beside.get("title")))
    if dispatch.start is not None and dispatch.end is not None:
        await look_at_panels(at_once, source, dispatch, receipt)


async def data_source(call: Call, prometheus_url: str | None) -> Mapping[str, Any]:
    """The data source with the metrics: `{"uid": …, "name": …}`."""
    known = await _sources(call) or await _sources(call)  # a Grafana that stumbles here seems to have none
    ours = sorted(known, key=lambda source: source["uid"] != UID)
    for source in ours if prometheus_url else ():
        found = await call("get_datasource", uid=source["uid"])
        if _same_place(str(found.get("url", "")), prometheus_url or ""):
            return dict(source)
    # Ours under another URL: whoever set it up knows how Grafana itself reaches it.
    if ours and (ours[0]["uid"] == UID or prometheus_url is None):
        return dict(next((source for source in ours if source.get("isDefault")), ours[0]))
    if prometheus_url is None:
        raise GrafanaRefused("Grafana has no Prometheus data source; set PROMETHEUS_URL, and one is made")
    try:
        return dict(await call("get_datasource", uid=UID))  # not listed, and there all the same
    except GrafanaRefused:
        await _create(call, prometheus_url)
    return {"uid": UID, "name": TITLE}


async def _sources(call: Call) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] | None
    found = (await call("list_datasources", type="prometheus"))["datasources"]
    return found or ()


async def _create(call: Call, prometheus_url: str) -> None:
    await call(
        "create_datasource",
        type="prometheus",
        name=TITLE,
        schemaReviewed=True,
        # GET is answered with 500 by the server's query tool; samples are a quarter of a second apart.
        fields={"uid": UID, "url": prometheus_url, "httpMethod": "POST", "timeInterval": "1s"},
    )


def pointed_at(source: Mapping[str, Any], dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """The dashboard with its data source variable set."""
    current = {"text": source["name"], "value": source["uid"]}
    templating = dashboard.get("templating", {})
    variables = [
        {**variable, "current": current} if variable.get("type") == "datasource" else variable
        for variable in templating.get("list", [])
    ]
    return {**dashboard, "templating": {**templating, "list": variables}}


async def save(call: Call, dashboard: Mapping[str, Any], place: str, message: str) -> str:
    """Store it under its uid, whatever was there; its address. Raises GrafanaRefused, for one that cannot be, too."""
    try:
        saved = await call(
            "update_dashboard", dashboard=dashboard, folderUid=place, overwrite=True, message=message
        )
    except GrafanaRefused as refused:
        if "folder not found" in str(refused).lower():
            hidden = f"when Grafana has one called {TITLE!r}, let the service account read it"
            raise GrafanaRefused(f"{refused}; no folder {place!r} is to be found: {hidden}") from refused
        raise
    if not isinstance(saved, Mapping) or not saved.get("url"):
        raise GrafanaRefused(f"update_dashboard: Grafana says nothing of where {dashboard['uid']} is")
    return str(saved["url"])


async def linked(call: Call, dispatch: Dispatch) -> str:
    """The address with the run chosen, over the run's time or the dashboard's own."""
    time = dispatch.dashboard.get("time", {})
    return str(
        await call(
            "generate_deeplink",
            resourceType="dashboard",
            dashboardUid=dispatch.dashboard["uid"],
            timeRange={"from": str(time.get("from", "now-15m")), "to": str(time.get("to", "now"))},
            queryParams={"var-run": dispatch.run_id},
        )
    )


async def read_back(call: Call, dashboard: Mapping[str, Any]) -> None:
    """Raises GrafanaRefused when Grafana keeps something else."""
    kept = (await call("get_dashboard_by_uid", uid=dashboard["uid"]))["dashboard"]
    if difference := first_difference(dashboard, kept):
        raise GrafanaRefused(f"Grafana keeps something other than what was sent: {difference}")


async def keep(call: Call, dashboard: Mapping[str, Any], place: str) -> bool:
    """Store it unless it is there already: a version a run would bury the history that people make.

    False for one that Grafana has from its own files, or from a repository: it is theirs, and stays.
    """
    try:
        kept = (await call("get_dashboard_by_uid", uid=dashboard["uid"]))["dashboard"]
        if first_difference(dashboard, kept) is None:
            return True
    except GrafanaRefused:
        pass  # most often it is not there; whatever else it is, saving says it
    try:
        await save(call, dashboard, place, "as this version of ChaosLab draws it")
    except GrafanaRefused as refused:
        if provisioned(refused):
            return False
        raise
    return True


def provisioned(refused: GrafanaRefused) -> bool:
    """Whether a dashboard is not to be saved because it comes from files or from a repository."""
    words = str(refused).lower()
    return status(refused) in (400, 403, 409) and any(
        each in words for each in ("provisioned", "managed by", "read-only")
    )


async def mark(call: Call, dispatch: Dispatch) -> int:
    """One annotation for each fault window; how many there are now. Those of an earlier delivery stay as they are."""
    windows = list(dispatch.windows)[:MOST_WINDOWS]
    if not windows:
        return 0
    uid, tag = dispatch.dashboard["uid"], f"run:{dispatch.run_id}"
    found = await call("get_annotations", dashboardUid=uid, tags=["chaoslab", tag], limit=MOST_WINDOWS * 2)
    there = {(each["time"], each["text"]) for each in found.get("Payload") or ()}
    tags = ["chaoslab", "fault", f"experiment:{dispatch.experiment}", tag]
    for window in windows:
        start, end, text = _annotation(window)
        if (start, text) not in there:
            await call("create_annotation", dashboardUid=uid, time=start, timeEnd=end, tags=tags, text=text)
    return len(windows)


def _annotation(window: Annotation) -> tuple[int, int, str]:
    """Milliseconds, and words that Grafana shows as HTML."""
    text = html.escape(one_line(f"{window.fault}: {window.step}"))
    return round(window.start * 1000), round(window.end * 1000), text


async def look_at_panels(call: Call, source: Mapping[str, Any], dispatch: Dispatch, receipt: Receipt) -> None:
    """Run every panel's queries through Grafana; which panels got nothing, and why."""
    assert dispatch.start is not None
    assert dispatch.end is not None
    queries = queries_of(dispatch.dashboard, {"run": dispatch.run_id}, dispatch.end - dispatch.start)
    narrow = asyncio.Semaphore(_TOGETHER)

    async def has_data(query: Query) -> bool | str:
        async with narrow:
            try:
                return bool((await call("query_prometheus", **_asked(query, source, dispatch)))["data"])
            except GrafanaRefused as error:
                return str(error)

    found = await asyncio.gather(*(has_data(query) for query in queries))
    receipt.queries = len(queries)
    receipt.failed = [
        f"{query.panel}: {each}" for query, each in zip(queries, found, strict=True) if isinstance(each, str)
    ]
    receipt.empty = _silent(queries, found)


def _asked(query: Query, source: Mapping[str, Any], dispatch: Dispatch) -> dict[str, Any]:
    """Times are milliseconds as text, steps whole seconds: anything else is read as something else."""
    assert dispatch.start is not None
    assert dispatch.end is not None
    asked = {"datasourceUid": source["uid"], "expr": query.expr, "endTime": str(round(dispatch.end * 1000))}
    if query.instant:
        return asked | {"queryType": "instant"}
    start, step = str(round(dispatch.start * 1000)), step_s(dispatch.end - dispatch.start)
    return asked | {"queryType": "range", "startTime": start, "stepSeconds": step}


def _silent(queries: Sequence[Query], found: Sequence[bool | str]) -> list[str]:
    """Panels none of whose queries gave anything."""
    panels = dict.fromkeys(query.panel for query in queries)
    for query, each in zip(queries, found, strict=True):
        if each:
            panels.pop(query.panel, None)
    return list(panels)


def _same_place(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
