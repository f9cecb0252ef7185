"""Answer a share of the HTTP requests to a server wrongly, late, or not to the end.

status    an error is answered in its stead: 500, 503, 429 with Retry-After, …; the server does not see the request
delay     the request goes on to the server so much later
abort     the connection is reset in the middle of the response
truncate  the response ends in the middle, by an orderly end of the connection
close     the connection is closed before any answer, in order; the server does not see the request

A packet rule leads new connections through a proxy, which speaks HTTP/1.1, or with `protocol: http2` that (gRPC is of
it), and passes on all else untouched. There what is done to a connection is done to the request's stream. Those open
when the fault begins stay as they are: a request that is meant is met where its packet passes; `abort` and `truncate`
end such a connection before the answer. At the end nothing is cut: what the proxy has is carried on to its own end.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.http import telling
from chaos.faults.http.authority import Authority, Tls
from chaos.faults.http.between import PACE_S, Between, OwnRequests, between, requests
from chaos.faults.http.tampering import Mode, Tampering, h2_is_missing
from chaos.faults.network.endpoints import NetworkEndpoint, named
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target, last
from chaos.faults.support.fidelity import enough_for, percentile, share_fits, share_interval, traffic_needed
from chaos.faults.support.steadiness import and_why, lost_share, unsteady
from chaos.units import Duration, PositiveDuration, Share

_WEB_PORT = 80
_ENOUGH_SAMPLES = 20
"""Quantile 0.9995 of the standard normal distribution: a true share is missed by more once in a thousand runs."""
_TOLERANCE = 0.02
_DELAY_TOLERANCE, _DELAY_TOLERANCE_MS = 0.05, 5.0
_VERIFY_S = 5.0
_SEEN_THROUGH_S = 1.0
_GRPC_MOST = 16
"""UNAUTHENTICATED, the last of its status codes."""


@dataclass(frozen=True, kw_only=True)
class HttpFault(Fault):
    """Tamper with requests to the port of a process of the app, or to a dependency, as everybody here sees it."""

    type: Literal["http_fault"] = "http_fault"
    process: str | None = None
    """The server: a process of the manifest, at its declared port."""
    host: str | None = None
    """Or a host, with its port (80 when not given)."""
    port: int | None = None
    """Or a port, whoever is asked there."""
    mode: Mode = "status"
    status: int = 503
    """What is answered under mode `status`: 400 to 599."""
    retry_after: Duration | None = None
    """A Retry-After header with the answer, in whole seconds."""
    delay: PositiveDuration = 1.0
    """How much later a request goes on under mode `delay`."""
    prefix: str = "/"
    """Only requests whose path begins so."""
    method: str | None = None
    """Only requests of this method, such as GET."""
    share: Share = 1.0
    """How many of those, each by its own chance."""
    tls: Tls | None = None
    """Where the server speaks TLS: also read what is inside."""
    protocol: Literal["http1", "http2"] = "http1"
    """What is read: HTTP/1.1, or HTTP/2 (gRPC too), whose connections are then passed on stream by stream."""
    grpc_status: int | None = None
    """With `protocol: http2` and mode `status`: the status of gRPC that is answered, 14 for UNAVAILABLE."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"mode": "status", "status": 503, "share": "10%"},
        "medium": {"mode": "status", "status": 503, "share": "50%"},
        "high": {"mode": "abort", "share": "100%"},
    }
    requires: ClassVar[frozenset[str]] = frozenset({"net-admin"})
    reconnects: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "tls", Tls.of(self.tls))  # from the order it comes as JSON
        if self.process is not None and (self.host is not None or self.port is not None):
            raise ValueError("process stands alone: name a process, or a host and port")
        if self.process is None and self.host is None and self.port is None:
            raise ValueError("name the server: process, host or port")
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ValueError("port must lie between 1 and 65535")
        if self.status < 400 or self.status not in {one.value for one in HTTPStatus}:
            raise ValueError("status must be that of an error, 400 to 599, such as 500, 503 or 429")
        if self.retry_after is not None and (self.mode != "status" or self.retry_after % 1):
            raise ValueError("retryAfter goes with mode status and is whole seconds, such as 2s")
        if not self.prefix.startswith("/") or any(one in self.prefix for one in " ?#\r\n"):
            raise ValueError("prefix must begin with / and hold neither blank, ? nor #, such as /api")
        if self.method is not None and not (self.method.isascii() and self.method.isupper()):
            raise ValueError("method must be in capitals, such as GET")
        if self.share <= 0:
            raise ValueError("share must be more than 0%")
        self._check_grpc()

    def _check_grpc(self) -> None:
        if self.grpc_status is None:
            return
        if self.protocol != "http2" or self.mode != "status" or not 1 <= self.grpc_status <= _GRPC_MOST:
            raise ValueError(
                "grpcStatus goes with protocol http2 and mode status, and is 1 to 16, such as 14"
            )
        if self.retry_after is not None:
            raise ValueError("retryAfter is HTTP's, and does not go with grpcStatus")

    def missing(self) -> str | None:
        """See Fault: a library, with `protocol: http2`."""
        return h2_is_missing() if self.protocol == "http2" else None

    def prepares_app(self) -> bool:
        """See Fault: with the sandbox's authority, where TLS is to be read."""
        return self.tls is not None

    def environment(self, process: str, work: Path, env: Mapping[str, str]) -> Mapping[str, str]:
        """See Fault: the variables of `trust`."""
        try:
            Authority(work).make()
            return Authority(work).environment(env)
        except OSError as error:
            raise InjectionError(f"the sandbox's authority cannot be made: {error}") from error

    def minimum_hold_s(self) -> float:
        """See Fault: so many requests of ours must end meanwhile."""
        return self._enough * PACE_S + (self.delay if self.mode == "delay" else 0.0)

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """On enter a request of ours was tampered with; on exit one has reached its server directly."""
        places = self._places(target)
        identity = self._identity(target)
        if self.protocol == "http2" and (why := h2_is_missing()):
            raise InjectionError(why)
        with requests(target, self._tampering, self.delay + _VERIFY_S, identity) as own:
            with between(target, places, own.port, self._tampering, identity) as proxy:
                self._verify(own)
                own.pace(PACE_S)
                notes = {
                    "open_connections": proxy.open_before,
                    "open_connections_are": proxy.watched,
                    "own_request_ms_before": own.baseline_ms,
                }
                yield Injection(
                    "http-proxy",
                    "real",
                    self._asked(),
                    lambda: self._observe(target, own, proxy),
                    notes=notes,
                )
                own.pace(0)
            _verify_gone(own)

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when the share asked fits what was seen, and the target's own requests were met by it."""
        seen = [sample for sample in samples if "faulted" in sample]
        hits = [sample for sample in seen if sample["faulted"]]
        met = max((int(sample["faulted_requests"]) for sample in seen), default=0)
        matched = max((int(sample["matched"]) for sample in seen), default=0)
        share, low, high = share_interval(len(hits), len(seen))
        values: dict[str, float | str] = {**self._asked(), "share": share}
        why = f"{len(hits)} of {len(seen)} requests of ours {self._ended()}, {self.share:.4g} of them asked"
        if len(seen) < self._enough:
            return Delivered(
                values, low, high, len(seen), False, f"{why}; at least {self._enough} are needed"
            )
        fits = share_fits(len(hits), len(seen), self.share) or share >= 1 - _TOLERANCE <= self.share
        why += f": that {'goes' if fits else 'does not go'} with it (exact test, 0.1 %); "
        why += f"{met} of {matched} matching requests to the target were met"
        needed = traffic_needed(self.share)
        too_little = matched < needed
        if too_little:
            why = f"{why}: too little traffic met it, {needed} are needed"
        if self.mode == "delay" and hits:
            values["delay_ms"] = round(percentile([float(sample["later_ms"]) for sample in hits], 0.5), 3)
            near = abs(float(values["delay_ms"]) - self.delay * 1e3) <= self._allowed_ms
            fits = fits and near
            why += f"; median delay {values['delay_ms']:.1f} ms, {'' if near else 'not '}within "
            why += f"{self._allowed_ms:.1f} ms"
        gone = self._gone(seen, hits)
        fits = fits and not gone
        if self.mode == "status":
            values |= self._usual(seen)
        others = sorted({str(sample["saw"]) for sample in seen} - {"200", *(str(hit["saw"]) for hit in hits)})
        why += f"; some ended otherwise: {', '.join(others)}" if others else ""
        why = and_why(telling.with_unread(why, seen, matched) + telling.carried(samples), gone)
        return Delivered(values, low, high, len(seen), fits and met > 0 and not too_little, why, fits)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: requests of the app's to the target that were tampered with."""
        return Met.counted(
            last(samples, "faulted_requests"),
            last(samples, "matched"),
            "matching requests of others than us were tampered with",
            "no request of others than us that matches came to it",
            needed=traffic_needed(self.share),
        )

    def _gone(self, seen: Sequence[Sample], hits: Sequence[Sample]) -> str:
        """Why it was not as asked over the whole hold: the share by its exact test, and of delays the single ones."""
        lost = lost_share([(1, int(bool(sample["faulted"]))) for sample in seen], self.share)
        late = [float(hit["later_ms"]) for hit in hits] if self.mode == "delay" else []
        return lost or unsteady(late, lambda later_ms: later_ms >= self.delay * 1e3 / 2)

    @property
    def _enough(self) -> int:
        """OwnRequests of ours that tell the share."""
        return max(_ENOUGH_SAMPLES, enough_for(self.share) if self.share < 1 else 0)

    @property
    def _allowed_ms(self) -> float:
        return max(_DELAY_TOLERANCE_MS, _DELAY_TOLERANCE * self.delay * 1e3)

    def _asked(self) -> dict[str, float | str]:
        asked: dict[str, float | str] = {"share": self.share, "mode": self.mode}
        if self.mode == "status" and self.grpc_status is None:
            asked["status"] = str(self.status)
        if self.grpc_status is not None:
            asked["grpc_status"] = str(self.grpc_status)
        if self.mode == "delay":
            asked["delay_ms"] = round(self.delay * 1e3, 6)
        if self.retry_after is not None:
            asked["retry_after_s"] = self.retry_after
        return asked

    def _ended(self) -> str:
        return {
            "status": f"ended with {self._answer}",
            "delay": "took longer",
            "abort": "were reset",
            "truncate": "were cut off",
            "close": "were closed unanswered",
        }[self.mode]

    @property
    def _tampering(self) -> Tampering:
        return Tampering(
            self.mode,
            self.prefix,
            self.method,
            self.share,
            self.status,
            self.retry_after,
            self.delay,
            self.protocol == "http2",
            self.grpc_status,
        )

    @property
    def _answer(self) -> str:
        """What a client of ours sees of mode `status`."""
        return str(self.status) if self.grpc_status is None else f"grpc-status {self.grpc_status}"

    def _usual(self, seen: Sequence[Sample]) -> dict[str, float | str]:
        """The status that most ended with that did not end well, under the name that was asked for."""
        if self.grpc_status is None:
            return {"status": _usual_status(seen)}
        ended = [str(sample["saw"]) for sample in seen if str(sample["saw"]).startswith("grpc-status ")]
        return {"grpc_status": max(set(ended), key=ended.count).split()[1] if ended else "0"}

    def _places(self, target: Target) -> list[NetworkEndpoint]:
        elsewhere = self.host is not None and self.host not in target.names()
        return named(target, self.host, self.process, self.port or (_WEB_PORT if elsewhere else None))

    def _identity(self, target: Target) -> dict[str, str] | None:
        """A certificate for whatever the server is called; None without `tls`."""
        if self.tls is None:
            return None
        authority = Authority(target.work)
        authority.make()
        return authority.issue([*target.names(), *([self.host] if self.host else []), *self.tls.names])

    def _hit(self, sample: Sample, baseline_ms: float) -> bool:
        """Whether one request of ours shows what was asked for, by what its client saw alone."""
        if self.mode == "status":
            return sample["saw"] == self._answer and sample.get("retry_after_s") == self.retry_after
        if self.mode == "delay":
            return sample["saw"] == "200" and float(sample["took_ms"]) - baseline_ms >= self.delay * 0.5e3
        return bool(sample["saw"] == {"abort": "reset", "truncate": "cut", "close": "closed"}[self.mode])

    def _verify(self, own: OwnRequests) -> None:
        """A request is hit; when only few are to be, one that has come through the proxy will do."""
        enough_s = _VERIFY_S + self.delay if self.share == 1 else _SEEN_THROUGH_S + self.delay
        seen = own.until(lambda sample: self._hit(sample, own.baseline_ms), enough_s)
        through = self.share < 1 and any(sample.get("direct") is False for sample in seen)
        if not seen or not (self._hit(seen[-1], own.baseline_ms) or through):
            ended = ", ".join(sorted({str(sample["saw"]) for sample in seen})) or "in no time"
            raise InjectionError(f"none of {len(seen)} requests of ours {self._ended()}; they ended: {ended}")

    def _observe(self, target: Target, own: OwnRequests, proxy: Between) -> Sample | None:
        counts = proxy.counts()
        samples = [self._sample(raw, own.baseline_ms, counts) for raw in own.fetch()]
        for sample in samples[:-1]:
            target.measured(**sample)
        return samples[-1] if samples else None

    def _sample(self, raw: Sample, baseline_ms: float, counts: Mapping[str, int]) -> dict[str, Any]:
        later = round(float(raw["took_ms"]) - baseline_ms, 3)
        return {"faulted": int(self._hit(raw, baseline_ms)), **raw, "later_ms": later, **counts}


def _usual_status(seen: Sequence[Sample]) -> str:
    """The status that most of the requests ended with that did not end well; 200 when all did."""
    ended = [str(sample["saw"]) for sample in seen if sample["saw"] != "200" and str(sample["saw"]).isdigit()]
    return max(set(ended), key=ended.count) if ended else "200"


def _verify_gone(own: OwnRequests) -> None:
    seen = own.until(lambda sample: sample.get("direct") is True, _VERIFY_S)
    if not seen or seen[-1].get("direct") is not True:
        ended = ", ".join(sorted({str(sample["saw"]) for sample in seen})) or "in no time"
        raise RecoveryError(f"requests of ours do not reach their server directly again: {ended}")
