"""Let the app read from its disk, or write to it, only so many bytes a second."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.linux.blkio import BACKENDS, BlkioLimits, limits_for
from chaos.faults.linux.mounts import mount_of
from chaos.faults.process.demand import Growth, moved_bytes
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.dead_man import undone_by_death
from chaos.faults.support.disk_demand import ENOUGH, DiskLook, demand
from chaos.faults.support.fidelity import Estimate, median_interval
from chaos.faults.support.inside import Inside, escaped
from chaos.faults.support.steadiness import unsteady
from chaos.units import ByteRate

_TOLERATED = 0.1
_SLOWEST = 2.0**16
_FEWEST_WINDOWS = 3
_ROUGH = 0.5
_FIRST_WINDOW_S = 0.2
"""Short: the app is slowed already while we look whether it is."""
_EVERY_S = 1.5
_EVERY_IN_A_TWIN_S = 0.75
"""Looking in the app's own group takes of its allowance, in a twin it does not."""


@dataclass(frozen=True, kw_only=True)
class IoThrottle(Fault):
    """Limit the app to `read` and `write` bytes a second on the device that holds `path`.

    The kernel's own limit on the app's control group. What is read from the page cache is not read from the disk, and
    is as fast as ever. A tmpfs has no device: there it is refused.
    """

    mechanisms = ("blkio-throttle", "io.max")

    type: Literal["io_throttle"] = "io_throttle"
    path: str = "/usr"
    read: ByteRate | None = None
    """Bytes a second that may be read; 1MiB/s when neither is given."""
    write: ByteRate | None = None
    """Bytes a second that may be written; a control group v1 limits only writes that are synced or direct."""

    requires: ClassVar[frozenset[str]] = frozenset({"block-device"})
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"read": "10MiB/s"},
        "medium": {"read": "1MiB/s"},
        "high": {"read": "128KiB/s"},
    }

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ValueError(f"path must be absolute, such as /usr, got {self.path!r}")
        for way, rate in self._rates().items():
            if rate < _SLOWEST:
                raise ValueError(f"{way} must be at least 64KiB a second, the least that can be measured")

    def minimum_hold_s(self) -> float:
        """See Fault: three windows."""
        return 3 * _EVERY_S

    def _rates(self) -> dict[str, float]:
        given = {way: rate for way in BACKENDS if (rate := getattr(self, way)) is not None}
        return given or {"read": 2.0**20}

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """The limit is set, and seen to hold, on enter; on exit it is what it was."""
        try:
            mount = mount_of(self.path)
        except OSError as error:
            raise InjectionError(f"cannot throttle {self.path}: {error.strerror}") from error
        limits = limits_for(target.cgroup("blkio"), mount)
        inside = Inside(target)
        rates = self._rates()
        asked = {f"{way}_bytes_per_s": rate for way, rate in rates.items()}
        with ExitStack() as stack:
            twin = stack.enter_context(limits.twin())
            helpers = [
                stack.enter_context(demand(target, self.path, way, rate)) for way, rate in rates.items()
            ]
            look = DiskLook(target, limits, twin, helpers, rates)
            before = look.unlimited()
            for way, rate in rates.items():
                stack.enter_context(_limited(target, limits, twin, way, int(rate)))
            _refuse_without_effect(rates, before, look.windows(_FIRST_WINDOW_S))
            notes = {
                "device": limits.device,
                "before_bytes_per_s": {way: round(before[way]) for way in rates},
                "measured_in": "the app's group" if twin is limits else "a twin of the app's group",
            }
            every_s = _EVERY_S if twin is limits else _EVERY_IN_A_TWIN_S

            moved = Growth(target.pids, moved_bytes)

            def observe() -> dict[str, Any] | None:
                sample = look()
                return {**sample, **inside.look(), "app_moved": moved.look()} if sample else None

            yield Injection(limits.mechanism, "real", asked, observe, every_s, notes)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when, with somebody asking for more, the kernel moved bytes within 10 % of the limit."""
        values: dict[str, float | str] = {}
        first: Estimate | None = None
        landed, words = True, []
        for way, rate in self._rates().items():
            seen = [float(sample[way]) for sample in samples if way in sample]
            if len(seen) < _FEWEST_WINDOWS:
                why = f"only {len(seen)} windows were measured; {_FEWEST_WINDOWS} are needed"
                why = next((str(sample["why"]) for sample in samples if "why" in sample), why)
                return Delivered({}, None, None, 0, False, why)
            found = median_interval(seen)
            first, middle = first or found, found.value
            values[f"{way}_bytes_per_s"] = middle
            landed = landed and abs(middle - rate) <= _TOLERATED * rate
            gone = unsteady(seen, partial(_near, rate, _ROUGH), partial(_near_median, rate))
            landed = landed and not gone
            words += [gone] * bool(gone)
            words.append(
                f"{way} {middle / 1024:.1f} KiB/s in the median of {len(seen)} windows, {rate / 1024:.1f} asked"
            )
        why = f"{'; '.join(words)}, 10 % tolerated, as the kernel counted"
        why += (outside := escaped(samples))
        landed = landed and not outside
        if first is None:
            return Delivered(values, None, None, len(samples), landed, why)
        return Delivered(values, first.low, first.high, len(samples), landed, why, effective=first.effective)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: looks at which the app had moved bytes of its own."""
        looks = [sample for sample in samples if "app_moved" in sample]
        return Met.counted(
            sum(int(look["app_moved"]) > 0 for look in looks),
            len(looks),
            "looks at which the app had moved bytes from or to a disk",
            "the app moved no byte from or to a disk",
        )


def _near(rate: float, share: float, seen: float) -> bool:
    return abs(seen - rate) <= share * rate


def _near_median(rate: float, seen: Sequence[float]) -> bool:
    return _near(rate, 2 * _TOLERATED, median_interval(seen)[0])


@contextmanager
def _limited(target: Target, limits: BlkioLimits, twin: BlkioLimits, way: str, rate: int) -> Iterator[None]:
    before = limits.get(way)

    def restore() -> None:
        limits.set(way, before)
        if limits.get(way) != before:
            raise RecoveryError(f"the {way} limit of {limits.device} is still {limits.get(way)}")

    with undone_by_death(*limits.restored_by(way, before)), target.undo(f"the {way} limit", restore):
        try:
            for each in (limits, twin):
                each.set(way, rate)
        except OSError as error:
            raise InjectionError(f"cannot limit {limits.device}: {error.strerror}") from error
        yield


def _refuse_without_effect(
    rates: Mapping[str, float], before: Mapping[str, float], first: Mapping[str, float]
) -> None:
    for way, rate in rates.items():
        if before[way] < ENOUGH * rate:
            had = f"{before[way] / 1024:.0f} KiB/s without a limit"
            raise InjectionError(f"the disk gives {had}: a limit of {rate / 1024:.0f} would hardly be felt")
        if first[way] > 1.5 * rate:
            raise InjectionError(
                f"the kernel took the limit, but {way}s go on at {first[way] / 1024:.0f} KiB/s"
            )
