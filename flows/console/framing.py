"""Whether a dashboard of Grafana may be shown in a frame: the owner says so, and Grafana itself does not forbid it."""

from time import monotonic
from urllib.parse import urlsplit

import httpx

from chaos.settings import Settings

_ASKED_AGAIN_AFTER_S = 60.0
_WITHIN_S = 2.0
_asked: dict[str, tuple[float, str]] = {}
"""Origin -> when it was asked, and why not; empty when it may."""


def embedded_origin() -> str | None:
    """The origin of the Grafana whose dashboards are to be framed; None when nobody wants that."""
    settings = Settings()
    if not settings.grafana_embed or not settings.grafana_url:
        return None
    parts = urlsplit(settings.grafana_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or set(parts.netloc) & set(" ;,'\""):
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def why_not() -> str:
    """Why no dashboard is framed, in one sentence; empty when it may be. A Grafana is asked once a minute."""
    settings = Settings()
    if not settings.grafana_url:
        return "no Grafana is configured (GRAFANA_URL)"
    if (origin := embedded_origin()) is None:
        return "GRAFANA_EMBED is not true: whether dashboards may be framed is for their owner to say"
    known = _asked.get(origin)
    if known is None or monotonic() - known[0] > _ASKED_AGAIN_AFTER_S:
        _asked[origin] = known = monotonic(), await _forbidden(origin)
    return known[1]


async def _forbidden(origin: str) -> str:
    try:
        async with httpx.AsyncClient(timeout=_WITHIN_S, follow_redirects=True) as asking:
            headers = (await asking.head(f"{origin}/")).headers
    except httpx.HTTPError as error:
        return f"{origin} does not answer: {error or type(error).__name__}"
    policy = headers.get("content-security-policy", "")
    ancestors = [
        each.split() for each in policy.lower().split(";") if each.strip().startswith("frame-ancestors")
    ]
    if ancestors:
        return "" if "*" in ancestors[0] else f"{origin} forbids it: {' '.join(ancestors[0])[:120]}"
    if told := headers.get("x-frame-options"):
        return f"{origin} forbids it: X-Frame-Options {told[:40]} (allow_embedding of Grafana)"
    return ""
