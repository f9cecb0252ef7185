"""Run the double by hand, beside a Prometheus: `python -m tests.doubles.grafana --port 3000 --token glsa_demo`."""

import argparse
import threading

from tests.doubles.grafana.server import Grafana

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=3000)
parser.add_argument("--token", default="glsa_demo")
parser.add_argument("--generation", choices=("legacy", "k8s"), default="k8s")
asked = parser.parse_args()
with Grafana(asked.generation, asked.token, asked.port).running() as grafana:
    print(f"{grafana.url}, token {grafana.token}", flush=True)
    threading.Event().wait()
