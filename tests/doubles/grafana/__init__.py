"""A Grafana that stands in for the real one: its HTTP API as far as the real mcp-grafana binary uses it.

It speaks both generations: `legacy` (Grafana 10, no /apis) and `k8s` (12 and 13, dashboard.grafana.app), keeps
dashboards, folders, data sources and annotations in memory, asks for a token, and forwards queries to a real
Prometheus. Status codes and messages are written down from knowledge: permissions, conversion between schema versions,
and drawn pictures are not imitated. Nothing here was compared with a live Grafana.

    python -m tests.doubles.grafana --port 3000 --token glsa_demo
"""

from tests.doubles.grafana.server import Grafana

__all__ = ["Grafana"]
