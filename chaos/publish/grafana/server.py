"""MCP server to use: a running one, or the pinned binary, started for the session."""

from dataclasses import dataclass

from pydantic import SecretStr

from chaos.errors import PublishError
from chaos.settings import Settings


@dataclass(frozen=True)
class McpServer:
    """An MCP server somewhere, by streamable HTTP."""

    url: str
    token: str | None
    """Its caller's token; which Grafana it serves is its own matter."""


@dataclass(frozen=True)
class Spawned:
    """The mcp-grafana binary of the wheel, over stdio, for one Grafana."""

    grafana_url: str
    token: str | None
    """Of a service account that may read and write dashboards, folders, data sources and annotations."""


Server = McpServer | Spawned


def configured(settings: Settings) -> Server | None:
    """What the settings name; a running server before one to spawn. Raises PublishError for a URL that is none."""
    if settings.grafana_mcp_url:
        return McpServer(
            _http(settings.grafana_mcp_url, "GRAFANA_MCP_URL"), _plain(settings.grafana_mcp_token)
        )
    if settings.grafana_url:
        return Spawned(
            _http(settings.grafana_url, "GRAFANA_URL"), _plain(settings.grafana_service_account_token)
        )
    return None


def _http(url: str, name: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise PublishError(f"{name} is not the URL of a server: expected http://… or https://…")
    return url


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
