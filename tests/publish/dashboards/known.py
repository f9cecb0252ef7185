"""What tests of dashboards share: our templates, the metrics that exist, and words that want to be something else."""

from chaos.publish.dashboards import TEMPLATES
from chaos.publish.prometheus.families import FINAL, LIVE

EXPERIMENT = TEMPLATES / "experiment.json.j2"
METRICS = {family.name for family in (*LIVE, *FINAL)}
HOSTILE = '</script> {{ 7*7 }} {% raw %} "quoted" \\ back\nslash \u202e ${run} [[run]] $__range 100 %s'
INJECTIONS = (
    'x"} or up{a="',
    "x\\",
    'x\\"} or vector(1) #',
    "x\n} or up",
    '${run}"} or up{a="',
    "[[run]]",
    "x' or `up`",
)
"""Names that would leave their selector if somebody forgot to quote them."""
