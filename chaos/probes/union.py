"""The union of all probes is their registry: a new probe is a new file and one name here."""

from typing import get_args

from chaos.probes.base import Probe
from chaos.probes.command import CommandProbe
from chaos.probes.http import HttpProbe
from chaos.probes.metric import MetricProbe
from chaos.probes.process import ProcessProbe
from chaos.probes.tcp import TcpProbe

AnyProbe = HttpProbe | TcpProbe | CommandProbe | ProcessProbe | MetricProbe

PROBES: dict[str, type[Probe]] = {
    kind.__dataclass_fields__["type"].default: kind for kind in get_args(AnyProbe)
}
"""Name in a manifest -> its class."""
