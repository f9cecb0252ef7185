"""Prefect flows: order, retries, artifacts, no logic; the only package that imports Prefect.

Importing it settles, before Prefect reads its settings, what must never happen by accident: an ephemeral server started
inside a command (10 to 20 seconds each time), usage statistics sent to anybody, settings taken from files of the
current directory. And it makes the logs of runs inert, and keeps their engine from ending them for a lost lease.
"""

import os

from flows.prefect.inert_logs import make_inert
from flows.prefect.lasting_runs import lasting_runs
from flows.prefect.without_cwd import without_cwd

without_cwd()
lasting_runs()

for _name, _value in {
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}.items():
    os.environ.setdefault(_name, _value)

make_inert()
