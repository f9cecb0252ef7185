"""The process in which one abandoned run or game day is closed:
`python -P -m chaos.cli.close_abandoned running|days ID FOLDER`.

Its sandbox is destroyed, its journal closed, its result written. The exit code is 0 when nothing is left to be done;
else the last line of standard error says why, as that of a traceback does, too.
"""

import asyncio
import sys
from pathlib import Path

from chaos.runner.isolation import limit_this_process
from chaos.runs.active import DAYS
from chaos.runs.directory import Run


def main() -> int:
    """The exit code."""
    among, id_, folder = sys.argv[1:]
    limit_this_process()
    from chaos.errors import ChaosLabError

    run = Run(id_, Path(folder))
    try:
        if among == DAYS:
            from chaos.publish.game_day_cleanup import close_day

            close_day(run.folder)
        else:
            from chaos.runner.cleanup import close_run

            asyncio.run(close_run(run))
    except ChaosLabError as error:
        return _why(str(error) or type(error).__name__)
    except MemoryError:
        return _why("its journal needs too much memory")
    return 0


def _why(words: str) -> int:
    print(" ".join(words.split()), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
