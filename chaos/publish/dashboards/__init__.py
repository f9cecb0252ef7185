"""From a run or a game day to the JSON of its dashboard, and what is wrong with such JSON. Nothing talks to Grafana.

`context`: what a template may know; `render`: JSON of it; `lint`: what is wrong with JSON; `promql`: its queries.
"""

from chaos.publish.dashboards.context import context, limits, uid
from chaos.publish.dashboards.game_day import game_day
from chaos.publish.dashboards.render import TEMPLATES, fleet, render, shared

__all__ = ["TEMPLATES", "context", "fleet", "game_day", "limits", "render", "shared", "uid"]
