"""Renderer process: answers one request after another from standard input, until that ends.

A message is its length, four bytes in network order, and JSON. What a template takes is limited from within by a timer
of its processor's time, which knows the line, and by the kernel, which nothing talks out of it: setrlimit(2).
"""

import json
import resource
import signal
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from jinja2 import TemplateError

from chaos.publish.templates.sandbox import drawn, place

LENGTH = struct.Struct("!I")
_AGAIN_S = 0.05
"""An exception in a destructor is lost: it is raised again until it counts."""
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NOFILE: 16,
    resource.RLIMIT_NPROC: 0,
}


def main() -> None:
    """Answer until nobody asks."""
    most_s, most_bytes = float(sys.argv[1]), int(sys.argv[2])
    for which, most in {**_LIMITS, resource.RLIMIT_AS: most_bytes}.items():
        resource.setrlimit(which, (most, most))
    signal.signal(signal.SIGPROF, _too_long)
    _write(sys.stdout.buffer, {})  # ready
    while (request := _read(sys.stdin.buffer)) is not None:
        _write(sys.stdout.buffer, _answer(request, most_s))


def _answer(request: Mapping[str, Any], most_s: float) -> dict[str, str]:
    template = Path(request["template"])
    try:
        with _limited(most_s):
            return {"text": drawn(template, Path(request["ours"]), request["known"])}
    except TemplateError as error:
        return {"place": place(template, error), "why": str(error)}
    except TimeoutError as error:
        return {
            "place": place(template, error),
            "why": f"takes longer than {most_s:g} s of a processor's time",
        }
    except MemoryError as error:
        return {"place": place(template, error), "why": "needs too much memory"}
    except Exception as error:  # noqa: BLE001  whatever a template's own expressions raise is about the template
        words = str(error) or type(error).__name__
        return {"place": place(template, error), "why": f"does not give a dashboard's JSON: {words}"}


@contextmanager
def _limited(most_s: float) -> Iterator[None]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = (
        int(used.ru_utime + used.ru_stime + most_s) + 2
    )  # one long instruction: the timer is heard after it
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
    signal.setitimer(signal.ITIMER_PROF, most_s, _AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


def _read(stream: BinaryIO) -> Mapping[str, Any] | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    found: Mapping[str, Any] = json.loads(stream.read(*LENGTH.unpack(head)))
    return found


def _write(stream: BinaryIO, message: Mapping[str, str]) -> None:
    data = json.dumps(message, ensure_ascii=False).encode(errors="surrogatepass")
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()
