"""Fields of the agent's events: what their names stand for, each with its range.

The ranges are wide: a line is at most 1 MiB in any case, and an honest run must never be called tampered with.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from chaos.events.schema import Flag, Number, OneOf, Plain, Text, Whole

Name = Annotated[str, Text(4096)]
Words = Annotated[str, Text(2**20)]
Line = Annotated[str, Text(2**16)]
Count = Annotated[int, Whole()]
Pid = Annotated[int, Whole(1, 2**31 - 1)]
Bytes = Annotated[int, Whole()]
Seconds = Annotated[float, Number(-1.0, 1e9)]
Moment = Annotated[float, Number(0.0, 1e11)]
Ms = Annotated[float, Number(-1e3, 1e12)]
Percent = Annotated[float, Number(0.0, 1e12)]
Answer = Annotated[bool, Flag()]
Phase = Annotated[str, OneOf(("warmup", "baseline", "fault", "recovery"))]
Facts = Annotated[Mapping[str, Any], Plain()]
