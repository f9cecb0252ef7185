"""Dashboards into Grafana, through its MCP server: the only way this package talks to Grafana.

`server` says which MCP server is configured, `session` opens one short bounded session with it, `steps` are what is
asked of it, `deliver` is all of that for one dashboard. Failing here never changes a verdict.
"""

from chaos.publish.grafana.dispatch import Annotation, Dispatch, Receipt
from chaos.publish.grafana.server import McpServer, Server, Spawned, configured

__all__ = ["Annotation", "Dispatch", "McpServer", "Receipt", "Server", "Spawned", "configured"]
