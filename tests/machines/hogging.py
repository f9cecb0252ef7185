"""An app that takes 300 MiB in a sandbox of 128 MiB, under `memory_limit: 75%`: it must be ended, and be seen to be.

`asks` ends when the hog has its 300 MiB and lives: then nobody enforced the limit.
"""

import os
from pathlib import Path
from typing import Any

HOLD = "CHAOSLAB_HOG_HOLD"
MANIFEST = Path(__file__).with_name("hog.yaml")
ASK = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8000/take\")'"


def hog_document(sandbox: str) -> dict[str, Any]:
    """Its manifest, for a file beside `hog/`; a machine that is busy needs a longer hold for 300 MiB."""
    return {
        "apiVersion": "chaoslab/v1",
        "kind": "Experiment",
        "metadata": {"name": "hog"},
        "spec": {
            "hypothesis": "An app that takes 300 MiB lives in 128 MiB.",
            "sandbox": {"type": sandbox, "memory": "128MiB", "disk": "16MiB", "ttl": "10m"},
            "target": {
                "app": "hog",
                "processes": [
                    {"name": "hog", "command": ["python3", "hog.py"], "port": 8000, "readyWithin": "2m"},
                    {
                        "name": "asks",
                        "command": ["/bin/sh", "-c", f"sleep 9; until {ASK}; do sleep 1; done"],
                    },
                ],
            },
            "steadyState": [
                {
                    "name": "alive",
                    "probe": {"type": "process", "process": "hog", "every": "200ms"},
                    "tolerance": {"running": True},
                }
            ],
            "method": [
                {
                    "name": "less",
                    "fault": {"type": "memory_limit", "limit": "75%"},
                    "hold": os.environ.get(HOLD, "30s"),
                }
            ],
            "phases": {"baseline": "3s", "recovery": "3s"},
        },
    }
