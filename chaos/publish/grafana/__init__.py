"""Dashboards into Grafana, through its MCP server: the only way this package talks to Grafana.

`server` says which MCP server is configured, `session` opens one short bounded session with it, `steps` are what is
asked of it, `deliver` is all of that for one dashboard. Failing here never changes a verdict.
"""

from chaos.publish.grafana.dispatch import Dispatch, Receipt, Window
from chaos.publish.grafana.server import Running, Server, Spawned, configured

__all__ = ["Dispatch", "Receipt", "Running", "Server", "Spawned", "Window", "configured"]
