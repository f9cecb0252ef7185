"""Cut the machine off from the internet, or from a part of it, at its provider's firewall."""

import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, ClassVar, Literal

from chaos.errors import InjectionError, RecoveryError
from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.fidelity import share_interval
from chaos.faults.support.outside import awaited

_PORT = 53
_WITHIN_S = 1.0
_LOOK_EVERY_S = 0.25
_FEWEST = 3
_BACK_WITHIN_S = 10.0
# "Which servers are those of the root zone?", the shortest question that every name server answers (RFC 1035, 4.1).
_QUERY = b"\x00\x11" + b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + b"\x00\x00\x02\x00\x01"


@dataclass(frozen=True, kw_only=True)
class SandboxOffline(Fault):
    """Refuse all that the machine sends to a network, outside of it: nothing in it can see or undo that.

    It is about the internet: what the app's processes say to each other, and what comes in, goes on.
    """

    mechanisms = ("update-network",)

    type: Literal["sandbox_offline"] = "sandbox_offline"
    network: str = "0.0.0.0/0"
    """Addresses that cannot be reached, in CIDR form; all of them by default."""
    witness: str = "8.8.8.8"
    """A name server in that network: it is asked over TCP before, during and after, to see whether answers come."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"network": "8.8.8.0/24"},
        "medium": {"network": "0.0.0.0/1"},
        "high": {"network": "0.0.0.0/0"},
    }
    requires = frozenset({"egress"})
    ends_with = "sandbox"

    def __post_init__(self) -> None:
        if ip_address(self.witness) not in ip_network(self.network):
            raise ValueError(f"witness {self.witness} is not in {self.network}: it would not notice")

    def minimum_hold_s(self) -> float:
        """See Fault."""
        return _FEWEST * (_WITHIN_S + _LOOK_EVERY_S)

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """In place on enter; on exit the witness is seen to answer again."""
        if not answers(self.witness):
            raise InjectionError(
                f"{self.witness} gives no answer before anything is cut: name a witness that does"
            )
        with target.undo(f"the cut to {self.network}", lambda: self._mend(target)):
            awaited(target.ask("cut", network=self.network))

            def observe() -> Sample:
                return {"reached": answers(self.witness)}

            yield Injection("update-network", "real", {"cut_percent": 100.0}, observe, _LOOK_EVERY_S)

    def _mend(self, target: Target) -> None:
        awaited(target.ask("mend"))
        give_up_at = time.monotonic() + _BACK_WITHIN_S
        while not answers(self.witness):
            if time.monotonic() > give_up_at:
                raise RecoveryError(
                    f"{self.witness} gives no answer {_BACK_WITHIN_S:g} s after the cut was undone"
                )

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when not one new connection to the witness got an answer, of 3 or more."""
        looks = [bool(sample["reached"]) for sample in samples if "reached" in sample]
        cut = looks.count(False)
        share, low, high = (100 * each for each in share_interval(cut, len(looks)))
        why = f"{cut} of {len(looks)} new connections to {self.witness} got no answer"
        landed = len(looks) >= _FEWEST and cut == len(looks)
        values = {"cut_percent": round(share, 3)} if looks else {}
        return Delivered(values, low if looks else None, high if looks else None, len(looks), landed, why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: what is refused outside of the machine is counted by nobody in it."""
        return Met.unmeasured("what is refused outside of the machine is counted by nobody in it")


def answers(server: str) -> bool:
    """Whether a name server answers over TCP; a connection alone proves nothing: a firewall may take it."""
    try:
        with socket.create_connection((server, _PORT), _WITHIN_S) as connection:
            connection.sendall(_QUERY)
            return bool(connection.recv(1))
    except OSError:
        return False
