"""Writes that a disk refused: what was told to users meanwhile, and whether it was data or only a log."""

import re
from collections.abc import Iterator

from chaos.analysis.moments import clock
from chaos.events import Event
from chaos.explain.scene import AFTER_S, Scene, Symptom

GREEN = 0.9
"""So large a share of good answers is an API that looks well."""

REFUSED = re.compile(
    r"no space left|ENOSPC|disk (?:is )?full|disk quota|EDQUOT|read-only file system|EROFS|"
    r"input/output error|\bEIO\b|errno 5\b|failed \((?:28|30|5):",
    re.IGNORECASE,
)
_BY_A_LOGGER = re.compile(
    r"--- Logging error ---|write\(\) to \S*(?:\.log|/log/)\S*|log4j|logback|appender|could not write to log file",
    re.IGNORECASE,
)
DISKS = frozenset({"disk_full", "disk_read_only", "inode_exhaustion"})


def refused_lines(scene: Scene) -> list[Event]:
    """Lines about writes that a disk refused, while the fault was in place."""
    return [event for event in _lines(scene) if REFUSED.search(str(event.data.get("line")))]


def met_a_disk(scene: Scene) -> bool:
    """Whether anything shows that a fault of a disk was felt; true of other faults, which claim no such thing."""
    return scene.step.fault not in DISKS or bool(refused_lines(scene))


def lost(scene: Scene) -> Iterator[Symptom]:
    """Refused writes beside good answers."""
    refused, found = refused_lines(scene), scene.during()
    good = sum(request.failure is None for request in found)
    if not refused or not found or good < GREEN * len(found):
        return
    first = refused[0]
    said = f"{len(refused):,} log lines of “{first.data.get('process')}” say that a disk refused a write, first at"
    yield scene.symptom(
        "log_lost" if only_logs(scene) else "writes_lost",
        f"{said} {clock(first.at)}, while {good:,} of {len(found):,} requests got a good answer {scene.when()}",
    )


def only_logs(scene: Scene) -> bool:
    """Whether every refused write is told to be one of a log."""
    by_logger = [event for event in _lines(scene) if _BY_A_LOGGER.search(str(event.data.get("line")))]
    return 0 < len(refused_lines(scene)) <= len(by_logger)


def _lines(scene: Scene) -> list[Event]:
    if scene.start is None:
        return []
    return [e for e in scene.record.of("log.captured") if scene.start <= e.at <= scene.end + AFTER_S]
