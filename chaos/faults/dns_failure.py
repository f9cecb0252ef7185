"""Make one name fail, or lie, for everybody in the sandbox.

nxdomain  it does not exist
servfail  its name server fails
timeout   its name server does not answer
slow      its name server answers rightly, after `delay`
spoof     it means `address`

A name server of ours is put in front of the one that was asked before, and the name is taken out of /etc/hosts. Every
other name is answered as before; what is connected already stays connected.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.network.attempts import ANSWERED_S, RESOLVE_S
from chaos.faults.network.misnamed import looked_up, misnamed
from chaos.faults.network.outside import Attempts, lookup_attempts
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import Estimate, median_interval, percentile, share_interval
from chaos.units import PositiveDuration

Mode = Literal["nxdomain", "servfail", "timeout", "slow", "spoof"]

ENDS_AS: Mapping[str, str] = {
    "nxdomain": "EAI_NONAME",
    "servfail": "EAI_AGAIN",
    "timeout": "timeout",
    "slow": "resolved",
    "spoof": "resolved",
}
"""How a lookup of ours ends under each mode: an error of getaddrinfo(3), no answer in time, or an address."""

_SERVER_MODE = {"timeout": "dns_timeout"}
_LANDED_SHARE = 0.95
_ENOUGH_SAMPLES = 3
_TOLERANCE = 0.05
_TOLERANCE_MS = 10.0
"""What a question, a server's nap and an answer may take more on a busy machine."""
_BASELINE_LOOKUPS = 5
_SLACK_S = 2.0
_VERIFY_S = 6.0
_LONGEST_S = 20.0
"""A resolver waits for at most 30 s, RES_MAXRETRANS in <resolv.h>."""


@dataclass(frozen=True, kw_only=True)
class DnsFailure(Fault):
    """Make lookups of a name, and of every name below it, fail, take long, or lead elsewhere."""

    mechanisms = ("name-server",)

    type: Literal["dns_failure"] = "dns_failure"
    host: str
    """The name, such as `db.internal` or that of a process."""
    mode: Mode = "nxdomain"
    delay: PositiveDuration = 0.5
    """How much later `slow` answers. A resolver that would not wait so long is told to, in resolv.conf."""
    address: str | None = None
    """Where `spoof` leads, such as 127.0.0.66."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"mode": "slow", "delay": "300ms"},
        "medium": {"mode": "nxdomain"},
        "high": {"mode": "timeout"},
    }
    """From a lookup that takes its time to one that never ends."""
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not self.host or _is_address(self.host):
            raise ValueError("host must be a name that can be looked up, not an address")
        if (self.mode == "spoof") != (self.address is not None):
            raise ValueError("address says where spoof leads: write both or neither")
        if self.address is not None and not _is_address(self.address):
            raise ValueError("address must be an IPv4 or IPv6 address, such as 127.0.0.66")
        if self.delay > _LONGEST_S:
            raise ValueError(
                f"delay must be at most {_LONGEST_S:g}s: no resolver waits longer; see mode timeout"
            )

    def about_peer(self) -> tuple[str | None, int | None]:
        """See Fault."""
        return self.host, None

    def minimum_hold_s(self) -> float:
        """See Fault: what was begun while it is held must end while it is held."""
        return self.delay + _SLACK_S if self.mode == "slow" else 0.0

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter a lookup of ours has ended as asked; on exit one has ended as it did before."""
        server_mode = _SERVER_MODE.get(self.mode, self.mode)
        delay_s = self.delay if self.mode == "slow" else 0.0
        with lookup_attempts(
            target, self.host, self._patience_s, waits=self.mode in ("slow", "timeout")
        ) as attempts:
            before = [attempts.next() for _ in range(_BASELINE_LOOKUPS)]
            baseline_ms = percentile([float(one["took_ms"]) for one in before], 0.5)
            sampled = _sampler(
                healthy=all(one["as"] == "resolved" for one in before), baseline_ms=baseline_ms
            )
            if any(self._as_asked(sampled(one)) for one in before):
                raise InjectionError(
                    f"a lookup of {self.host!r} {self._ended_how()} before the fault already"
                )
            with misnamed(target, server_mode, self.host, delay_s=delay_s, address=self.address) as (
                how,
                notes,
                met,
            ):
                attempts.await_one(
                    lambda one: self._as_asked(sampled(one)), self._ended_how(), self._verify_s
                )
                yield Injection(
                    how,
                    "real",
                    self._asked(),
                    lambda: self._observe(target, attempts, sampled, met),
                    notes={**notes, "before": before[-1]["as"], "lookup_ms_before": baseline_ms},
                )
            self._verify_gone(attempts, before[-1], sampled)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when at least 95 % of the lookups ended as asked, and those asked to be slow were, by the median."""
        tried = [sample for sample in samples if "as" in sample]
        ended = [sample for sample in tried if self._as_asked(sample)]
        low: float | None
        high: float | None
        share, low, high = share_interval(len(ended), len(tried))
        values: dict[str, float | str] = {"failed": share, "mode": self.mode}
        why = f"{len(ended)} of {len(tried)} lookups of ours {self._ended_how()}"
        near = True
        effective: float | None = None
        if self.mode == "slow":
            values, (_, low, high, effective), near, said = self._slowness(ended)
            why += said
        elif self.address is not None:
            values["address"] = self.address if ended else "another"
        well = all(sample["healthy_before"] for sample in tried)
        landed = len(tried) >= _ENOUGH_SAMPLES and share >= _LANDED_SHARE and near and well
        if len(tried) < _ENOUGH_SAMPLES:
            why += f"; at least {_ENOUGH_SAMPLES} are needed"
        elif not well:
            why += "; but the name could not be looked up before the fault either"
        else:
            why += f"; {_LANDED_SHARE:.0%} must, and the name could be looked up before"
        return Delivered(values, low, high, len(tried), landed, why, effective=effective)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: questions of the app about the name."""
        return looked_up(samples, self.host)

    def _slowness(self, ended: Sequence[Sample]) -> tuple[dict[str, float | str], Estimate, bool, str]:
        """Values, the estimate of the first, whether near enough, and how that is said."""
        asked_ms, allowed_ms = self.delay * 1e3, max(_TOLERANCE_MS, _TOLERANCE * self.delay * 1e3)
        delays = [float(sample["delay_ms"]) for sample in ended]
        if not delays:
            return {"delay_ms": 0.0, "mode": self.mode}, Estimate(0.0, None, None, 0), False, ""
        found = median_interval(delays)
        median = found.value
        near = abs(median - asked_ms) <= allowed_ms
        said = f", by the median {median:.1f} ms later than before, {'' if near else 'not '}within "
        said += f"{allowed_ms:.1f} ms of {asked_ms:.0f} ms"
        return {"delay_ms": round(median, 3), "mode": self.mode}, found, near, said

    def _asked(self) -> dict[str, float | str]:
        if self.mode == "slow":
            return {"delay_ms": round(self.delay * 1e3, 6), "mode": self.mode}
        where = {} if self.address is None else {"address": self.address}
        return {"failed": 1.0, "mode": self.mode, **where}

    def _ended_how(self) -> str:
        if self.mode == "slow":
            return "came late"
        return f"led to {self.address}" if self.address else f"ended as {ENDS_AS[self.mode]}"

    def _as_asked(self, sample: Sample) -> bool:
        """Whether one lookup shows this fault."""
        if sample["as"] != ENDS_AS[self.mode]:
            return False
        if self.mode == "slow":
            return float(sample["delay_ms"]) >= self.delay * 0.5e3
        return self.address is None or ipaddress.ip_address(sample["address"]) == ipaddress.ip_address(
            self.address
        )

    @property
    def _patience_s(self) -> float:
        """A lookup of ours gives up late enough to see an answer, and so early that silence shows as silence."""
        if self.mode == "slow":
            return self.delay + _SLACK_S
        return RESOLVE_S if self.mode == "timeout" else ANSWERED_S

    @property
    def _verify_s(self) -> float:
        return self._patience_s + _VERIFY_S

    def _observe(
        self,
        target: Target,
        attempts: Attempts,
        sampled: Callable[[Sample], dict[str, Any]],
        met: Callable[[], dict[str, int]],
    ) -> Sample | None:
        counts = met()
        samples = [{**sampled(raw), **counts} for raw in attempts.fetch()]
        for sample in samples[:-1]:
            target.measured(**sample)
        return samples[-1] if samples else None

    def _verify_gone(
        self, attempts: Attempts, before: Sample, sampled: Callable[[Sample], dict[str, Any]]
    ) -> None:
        """Those under way may still show the fault; the first that was begun after it must not."""

        def as_before(raw: Sample) -> bool:
            same = (raw["as"], raw.get("address")) == (before["as"], before.get("address"))
            return same and not self._as_asked(sampled(raw))

        try:
            attempts.await_one(as_before, f"ended as {before['as']} again", self._verify_s)
        except InjectionError as error:
            raise RecoveryError(str(error)) from error


def _sampler(*, healthy: bool, baseline_ms: float) -> Callable[[Sample], dict[str, Any]]:
    def sampled(raw: Sample) -> dict[str, Any]:
        later = round(float(raw["took_ms"]) - baseline_ms, 3)
        return {**raw, "delay_ms": later, "healthy_before": healthy}

    return sampled


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
