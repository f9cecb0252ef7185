"""The kernel's limit of how many bytes a second a control group may read from a device, or write to it.

v1: blkio.throttle.*_bps_device, which holds for reads and for writes past the page cache. v2: io.max, which holds for
buffered writes as well. Sources: cgroup-v1/blkio-controller.rst, cgroup-v2.rst (Interface Files of IO).

v1 counts bytes when they are asked for, not when they are moved, so the group of an app that waits in line seems to
exceed its limit. There a twin of the app's group is measured: same device, same limit, nobody else in it. (In v1 each
group is on its own, also one that lies in another.)
"""

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.linux.mounts import Mount

_BLOCK_DEVICES = Path("/sys/dev/block")
_EMPTY_WITHIN_S = 2.0
_TWIN = "chaoslab-twin"
_NEVER_FELT = 2**40
"""A TiB a second."""
BACKENDS = ("read", "write")


class BlkioLimits:
    """Of one group and one device."""

    def __init__(self, group: Path, device: str) -> None:
        self._group, self.device = group, device
        self._unified = (group / "cgroup.controllers").exists() or group.name == "unified"
        missing = [name for name in self._files() if not (group / name).exists()]
        if missing:
            raise InjectionError(
                f"the app's control group has no {missing[0]}: the kernel cannot, or nobody delegated "
                "the io controller to us (systemd gives it to no ordinary user unasked: Delegate= of user@.service)"
            )

    @contextmanager
    def twin(self) -> Iterator["BlkioLimits"]:
        """Where to measure: the app's own group in v2, in v1 a group beside it. Raises InjectionError."""
        if self._unified:
            yield self
            return
        place = self._group / _TWIN
        try:
            place.mkdir(exist_ok=True)
        except OSError as error:
            raise InjectionError(f"cannot make a group to measure in: {error.strerror}") from error
        try:
            yield BlkioLimits(place, self.device)
        finally:
            _remove(place)

    def join(self, pid: int) -> None:
        """Have a process live in this group."""
        (self._group / "cgroup.procs").write_text(str(pid))

    @property
    def mechanism(self) -> str:
        """Which of the two it is."""
        return "io.max" if self._unified else "blkio-throttle"

    def _files(self) -> list[str]:
        if self._unified:
            return ["io.max", "io.stat"]
        return [*(f"blkio.throttle.{way}_bps_device" for way in BACKENDS), "blkio.throttle.io_service_bytes"]

    def set(self, way: str, bytes_per_s: int | None) -> None:
        """Change one limit; None takes it away. Raises OSError."""
        if self._unified:
            text = f"{self.device} {way[0]}bps={bytes_per_s or 'max'}"
            (self._group / "io.max").write_text(text)
        else:
            file = self._group / f"blkio.throttle.{way}_bps_device"
            file.write_text(f"{self.device} {bytes_per_s or 0}")

    def count(self, way: str) -> None:
        """Have the kernel count what this group moves: its limit is written as it is. Raises OSError.

        A group's counters are made when it first does something, without waiting for memory (blkg_lookup_create in
        block/blk-cgroup.c); where none is free at that moment all it moves is counted for its parent, so that a new
        group reads nothing. They are made with patience when a limit is written, be it that there is none. In v1 the
        kernels before 6.5 count nothing for a group without a limit (blk_should_throtl in block/blk-throttle.h), so it
        gets one that no disk can feel: there it is a twin, and nobody's but ours.
        """
        before = self.get(way)
        self.set(way, before if self._unified or before else _NEVER_FELT)

    def get(self, way: str) -> int | None:
        """The limit now."""
        name = "io.max" if self._unified else f"blkio.throttle.{way}_bps_device"
        for line in (self._group / name).read_text().splitlines():
            device, _, rest = line.partition(" ")
            if device == self.device:
                text = self._pairs(rest)[f"{way[0]}bps"] if self._unified else rest
                return None if text == "max" else int(text)
        return None

    def moved(self, way: str) -> int:
        """Bytes that the group has moved that way, as the kernel counted them."""
        name = "io.stat" if self._unified else "blkio.throttle.io_service_bytes"
        for line in (self._group / name).read_text().splitlines():
            device, _, rest = line.partition(" ")
            if device != self.device:
                continue
            if self._unified:
                return int(self._pairs(rest).get(f"{way[0]}bytes", 0))
            if rest.startswith(way.capitalize()):
                return int(rest.split()[1])
        return 0

    @staticmethod
    def _pairs(text: str) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)

    def restored_by(self, way: str, before: int | None) -> list[str]:
        """A command that sets it back, for when nobody is left to call `set`."""
        if self._unified:
            line, file = f"{self.device} {way[0]}bps={before or 'max'}", "io.max"
        else:
            line, file = f"{self.device} {before or 0}", f"blkio.throttle.{way}_bps_device"
        # The twin is empty when the helper in it is gone, and that one goes with us.
        script = 'echo "$1" > "$2"; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.05; rmdir "$3" 2>&- && break; done'
        return ["/bin/sh", "-c", script, "sh", line, str(self._group / file), str(self._group / _TWIN)]


def _remove(group: Path) -> None:
    """The kernel needs a moment after the last process of a group has gone."""
    until = time.monotonic() + _EMPTY_WITHIN_S
    while group.exists():
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        if time.monotonic() > until:
            raise RecoveryError(f"{group} cannot be removed")
        time.sleep(0.002)


def limits_for(group: Path | None, mount: Mount) -> BlkioLimits:
    """The limits of the app on the disk of that mount. Raises InjectionError with the reason why there are none."""
    if mount.in_memory:
        raise InjectionError(
            f"no device is behind {mount.point}: it is a {mount.kind}, which the kernel never throttles"
        )
    if group is None:
        raise InjectionError(
            "this sandbox has no control group for block devices (needs root, or a delegated io group)"
        )
    return BlkioLimits(group, _whole_disk(mount))


def _whole_disk(mount: Mount) -> str:
    """`major:minor` of the disk: the kernel limits disks, not partitions."""
    device = _BLOCK_DEVICES / mount.device
    if mount.device.startswith("0:") or not device.exists():
        raise InjectionError(
            f"{mount.point} ({mount.kind}) is not on one block device that could be throttled"
        )
    if (device / "partition").exists():
        return (device.resolve().parent / "dev").read_text().strip()
    return mount.device
