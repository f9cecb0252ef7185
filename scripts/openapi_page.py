"""docs/openapi.json: what the console answers, for programs; made from the routes.

`python scripts/openapi_page.py > docs/openapi.json`; with `--check FILE` it says whether FILE is stale.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from flows.console.app import create_app


def text() -> str:
    """All of it; the version of the program is left out, for it changes with every release."""
    made = create_app().openapi()
    made["info"]["version"] = "1"
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print it, or say whether a file is it."""
    if arguments[:1] != ["--check"]:
        sys.stdout.write(text())
        return 0
    if Path(arguments[1]).read_text() == text():
        return 0
    sys.stderr.write(f"{arguments[1]} is stale; python scripts/openapi_page.py > {arguments[1]}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
