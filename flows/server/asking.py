"""Probe of a Prefect API: whether it answers, and whether our access check is in front of it."""

import httpx

from flows.server.door.keys import MARK
from flows.server.local import speaking_to

ANSWER_WITHIN_S = 2.0


def mark_of(url: str, within_s: float = ANSWER_WITHIN_S) -> str | None:
    """What a server that answers shows of its door, empty without one; None when there is no server that answers."""
    try:
        answer = httpx.get(f"{url}/health", timeout=within_s, trust_env=False)
    except httpx.HTTPError:
        return None
    return answer.headers.get(MARK, "") if answer.status_code == 200 and answer.text == "true" else None


def silence(url: str) -> str | None:
    """Why this API does not answer; None when it does. Prefect's client knows its certificates and keys."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    impatient = {"timeout": ANSWER_WITHIN_S}
    with (
        speaking_to(url),
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings=impatient, sync_client=True) as client,
    ):
        problem = client.api_healthcheck()
    return None if problem is None else str(problem) or type(problem).__name__


def ui_url(url: str) -> str:
    """Where the pages of that API are."""
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: url}):
        return PREFECT_UI_URL.value() or url.removesuffix("/api")
