"""Start the app's processes in order and wait until it is ready to be experimented on."""

import asyncio
import time

from chaos.agent import failed_start
from chaos.agent.record import Record
from chaos.agent.supervisor import Supervised, Supervisor
from chaos.errors import ProbeError, TargetError
from chaos.probes.base import Context, Probe
from chaos.probes.tcp import TcpProbe
from chaos.run_spec.model import WorkSpec
from chaos.tolerances import Tolerance

_LOOK_EVERY_S = 0.01
_MOST_SAID = 300
"""Characters of one line that tells why."""
_BACKGROUND_WITHIN_S = 2.0
"""For a daemon to begin to serve once its parent has ended."""


async def bring_up(order: WorkSpec, supervisor: Supervisor, context: Context, record: Record) -> None:
    """Start each process; one with `ready` holds back those after it, ports are waited for at the end.

    Raises TargetError when a process ends for good or does not become ready in time.
    """
    started = time.monotonic()
    later: list[tuple[Supervised, Probe, float]] = []
    for entry in order.processes:
        process = supervisor.processes[entry.name]
        try:
            await supervisor.start(process.name)
        except OSError as error:
            why = failed_start.cannot_run(process.command, process.cwd, error)
            raise TargetError(f"process {process.name}: cannot run {process.command[0]}: {why}") from error
        within_s = entry.ready_timeout_s
        if entry.ready:
            await _until_ready(supervisor, process, entry.ready.made(), within_s, context, record)
        elif process.port is not None:
            later.append((process, TcpProbe(port=process.port), within_s))
    for process, probe, within_s in later:
        await _until_ready(supervisor, process, probe, within_s, context, record)
    await stay_in_foreground(supervisor)
    record.emit("target.ready", took_s=round(time.monotonic() - started, 4))


async def _until_ready(
    supervisor: Supervisor,
    process: Supervised,
    probe: Probe,
    within_s: float,
    context: Context,
    record: Record,
) -> None:
    started = time.monotonic()
    wanted = Tolerance()
    why = "nothing seen yet"
    while time.monotonic() - started < within_s:
        if process.over:
            raise TargetError(await _epitaph(supervisor, process, "ended before it was ready"))
        looked = time.monotonic()
        try:
            seen = await probe.observe(context)
        except ProbeError as error:
            why = str(error)
        else:
            if wanted.accepts(seen, None, time.monotonic() - looked):
                record.emit(
                    "process.ready", process=process.name, took_s=round(time.monotonic() - started, 4)
                )
                return
            why = f"saw {dict(seen)}"
        await asyncio.sleep(_LOOK_EVERY_S)
    raise TargetError(await _epitaph(supervisor, process, f"was not ready within {within_s:g} s: {why}"))


async def stay_in_foreground(supervisor: Supervisor) -> None:
    """Raises TargetError when a process has ended well while what it started goes on to serve its port."""
    for process in supervisor.processes.values():
        if why := await _in_the_background(supervisor, process, within_s=0.0):
            raise TargetError(f"process {process.name} {why}")


async def _in_the_background(
    supervisor: Supervisor, process: Supervised, within_s: float = _BACKGROUND_WITHIN_S
) -> str:
    """What to say of a process that has ended well while what it started serves its port: empty when that is not so.

    Where leftovers are kept it may begin to serve after its parent has ended, so a moment is given to it.
    """
    if process.ended_well and process.left and not process.running and not process.keeps_leftovers:
        one_shot = process.port is None and within_s == 0
        return "" if one_shot else _ended_with_it(process)
    if process.port is None or not process.ended_well:
        return ""
    until = time.monotonic() + within_s
    while not (who := failed_start.served_by(process.port, supervisor.watched())):
        if time.monotonic() > until or process.running:
            return ""
        await asyncio.sleep(_LOOK_EVERY_S)
    return (
        f"went to the background: its command ended with exit code 0 while {who} serves port {process.port}, "
        "watched and hit by nobody; keep it in the foreground, such as without --daemon"
    )


def _ended_with_it(process: Supervised) -> str:
    return (
        f"went to the background: its command ended with exit code 0 and left {', '.join(process.left)} behind, "
        "ended with it as in a container; keep it in the foreground, such as without --daemon"
    )


async def ended_unasked(supervisor: Supervisor) -> str:
    """Which processes ended although nobody hit them, how, and what they wrote of why; empty when none did."""
    told = [
        await _epitaph(supervisor, process, "ended again and again" if process.restarts > 1 else "ended")
        for process in supervisor.processes.values()
        if process.ended and not process.ended_well
    ]
    return "; ".join(told)


async def _epitaph(supervisor: Supervisor, process: Supervised, what: str) -> str:
    """What became of it, how it last ended, and what it wrote of why: its errors, or else its last lines."""
    if background := await _in_the_background(supervisor, process):
        return f"process {process.name} {background}"
    memory = process.memory if process.running else await supervisor.last_words(process.name)
    how = f" ({process.ended})" if process.ended else ""
    written = [*(line for lines in memory.errors for line in lines), *memory.recent]
    if why := failed_start.scripted(process.command, process.cwd) or failed_start.said(written, process.cwd):
        return f"process {process.name} {what}{how}: {why}"
    said = "".join(f" “{line.strip()[:_MOST_SAID]}”" for line in memory.telling() if line.strip())
    return f"process {process.name} {what}{how}" + (f"; it wrote:{said}" if said else "")
