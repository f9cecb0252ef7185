"""The ways to hurt a target. The union is the registry: a new fault is one file and one name in it."""

from typing import get_args

from chaos.faults.bandwidth import Bandwidth
from chaos.faults.blackhole import Blackhole
from chaos.faults.clock_skew import ClockSkew
from chaos.faults.connection_refused import ConnectionRefused
from chaos.faults.connection_reset import ConnectionReset
from chaos.faults.cpu_stress import CpuStress
from chaos.faults.cpu_throttle import CpuThrottle
from chaos.faults.crash_loop import CrashLoop
from chaos.faults.dependency_failure import DependencyFailure
from chaos.faults.disk_full import DiskFull
from chaos.faults.disk_read_only import DiskReadOnly
from chaos.faults.dns_failure import DnsFailure
from chaos.faults.fd_exhaustion import FdExhaustion
from chaos.faults.http_fault import HttpFault
from chaos.faults.inode_exhaustion import InodeExhaustion
from chaos.faults.io_stress import IoStress
from chaos.faults.io_throttle import IoThrottle
from chaos.faults.memory_limit import MemoryLimit
from chaos.faults.memory_pressure import MemoryPressure
from chaos.faults.network_delay import NetworkDelay
from chaos.faults.packet_corrupt import PacketCorrupt
from chaos.faults.packet_duplicate import PacketDuplicate
from chaos.faults.packet_loss import PacketLoss
from chaos.faults.packet_reorder import PacketReorder
from chaos.faults.pid_exhaustion import PidExhaustion
from chaos.faults.process_kill import ProcessKill
from chaos.faults.process_pause import ProcessPause
from chaos.faults.process_stop import ProcessStop
from chaos.faults.sandbox_freeze import SandboxFreeze
from chaos.faults.sandbox_offline import SandboxOffline
from chaos.faults.support.base import Fault

AnyFault = (
    Bandwidth
    | Blackhole
    | ClockSkew
    | ConnectionRefused
    | ConnectionReset
    | CpuStress
    | CpuThrottle
    | CrashLoop
    | DependencyFailure
    | DiskFull
    | DiskReadOnly
    | DnsFailure
    | FdExhaustion
    | HttpFault
    | InodeExhaustion
    | IoStress
    | IoThrottle
    | MemoryLimit
    | MemoryPressure
    | NetworkDelay
    | PacketCorrupt
    | PacketDuplicate
    | PacketLoss
    | PacketReorder
    | PidExhaustion
    | ProcessKill
    | ProcessPause
    | ProcessStop
    | SandboxFreeze
    | SandboxOffline
)

FAULTS: dict[str, type[Fault]] = {
    kind.__dataclass_fields__["type"].default: kind for kind in get_args(AnyFault)
}
"""The class of each fault, by the `type` that a manifest writes."""
