"""From a run to the JSON of its Grafana dashboard, and what is wrong with such JSON. Pure: nothing talks to Grafana.

`context`: what a template may know; `render`: JSON of it; `lint`: what is wrong with JSON; `promql`: its queries.
"""

from chaos.dashboards.context import context, limits, uid
from chaos.dashboards.render import TEMPLATES, fleet, render, shared

__all__ = ["TEMPLATES", "context", "fleet", "limits", "render", "shared", "uid"]
