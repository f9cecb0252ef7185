"""Freeze the whole machine for a while from outside, and let it go on as if nothing had been."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from chaos.faults.support.base import Delivered, Fault, Injection, Met, Sample, Target
from chaos.faults.support.beats import Beats, beating
from chaos.faults.support.outside import WITHIN_S, answer_in, awaited
from chaos.units import PositiveDuration

_LOOK_EVERY_S = 0.05
_BESIDE_S = 1.0
"""Time to ask for it, and to see that it is over."""
_LACKING_SHARE, _LACKING_S = 0.1, 0.5
"""What the reading of the beats may take away from what is surely known."""
_MOST_ABOVE_S = 15.0
"""The provider needs its time to store a machine and to bring it back."""
_FEWEST_LOOKS = 3


@dataclass(frozen=True, kw_only=True)
class SandboxFreeze(Fault):
    """Stop the machine with all that runs in it, like a live migration or a laptop that sleeps; then resume it.

    The controller does so through the provider and times it: in there nobody can. Meanwhile nothing answers, nothing is
    sent and nothing is looked at, so a steady state shows what follows: sessions, leases and timers that ran out.
    """

    mechanisms = ("pause-resume",)

    type: Literal["sandbox_freeze"] = "sandbox_freeze"
    lasts: PositiveDuration = 5.0
    """How long it stands still."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "low": {"lasts": "1s"},
        "medium": {"lasts": "5s"},
        "high": {"lasts": "30s"},
    }
    requires = frozenset({"freeze"})
    ends_with = "sandbox"
    impulse = True

    def minimum_hold_s(self) -> float:
        """See Fault."""
        return self.lasts + _BESIDE_S

    @contextmanager
    def inject(self, target: Target) -> Iterator[Injection]:
        """Asked for on enter; seen to be over before exit."""
        file = target.work / "beats"
        with beating(file) as beats:
            answer = target.ask("freeze", lasts_s=self.lasts, beats=str(file))
            seen = False

            def observe() -> Sample | None:
                nonlocal seen
                if seen or (did := answer_in(answer)) is None:
                    return None
                seen = True
                return _sample(did, beats)

            asked = {"frozen_s": self.lasts}
            yield Injection("pause-resume", "real", asked, observe, _LOOK_EVERY_S)
            if not seen:
                target.measured(**_sample(awaited(answer, self.lasts + WITHIN_S), beats))

    def delivered(self, samples: Sequence[Sample]) -> Delivered:
        """Landed when nobody was answered at its door meanwhile, and nothing ran in it for as long as asked.

        Surely for 90 % of it, or all but 0.5 s, and at most for 15 s more. `low` and `high` are bounds, no interval.
        """
        found = [sample for sample in samples if "looks" in sample]
        if not found:
            return Delivered({}, None, None, 0, False, "nobody outside said that the machine stood still")
        last = found[-1]
        low, high = bounds(last)
        why = f"nothing ran in the machine for {low:.2f} to {high:.2f} s, {self.lasts:g} s asked; "
        why += f"{last['answered']} of {last['looks']} looks at its door from outside were answered meanwhile"
        landed = (
            last["answered"] == 0
            and last["looks"] >= _FEWEST_LOOKS
            and low >= self.lasts - max(_LACKING_SHARE * self.lasts, _LACKING_S)
            and self.lasts * (1 - _LACKING_SHARE) <= high <= self.lasts + _MOST_ABOVE_S
        )
        return Delivered({"frozen_s": round(low, 3)}, round(low, 3), round(high, 3), len(found), landed, why)

    def met(self, samples: Sequence[Sample]) -> Met:
        """See Fault: everything in it stood still."""
        frozen = sum("looks" in sample for sample in samples)
        return Met.counted(
            frozen, None, "freeze of the whole machine, the app in it", "nobody said that it stood still"
        )


def bounds(did: Mapping[str, Any]) -> tuple[float, float]:
    """For how long nothing ran in there, at least and at most, in seconds. Pure.

    All moments are the controller's: `read` are the two times that it read the sum of the beats (begun, ended), `ran_s`
    the sums; asked to stop at `asked_at` and resumed by `resumed_at`, it cannot have stood still any longer.
    """
    (before_begun, before_ended), (after_begun, after_ended) = did["read"]
    ran_s = did["ran_s"][1] - did["ran_s"][0]
    most = did["resumed_at"] - did["asked_at"]
    low = max(0.0, after_begun - before_ended - ran_s)
    high = max(0.0, after_ended - before_begun - ran_s)
    return min(low, most), min(high, most)


def _sample(did: Mapping[str, Any], beats: Beats) -> dict[str, Any]:
    """What the controller measured, and what in here could be seen of it: a gap, where the clock went on meanwhile."""
    over_s = time.monotonic() - beats.gap_over if beats.gap_s else 0.0
    seen_s = over_s or float(did["since_resume_s"])
    gap = {"gap_s": round(beats.gap_s, 3), "gap_over_s_ago": round(over_s, 3)} if beats.gap_s else {}
    return {**did, **gap, "seen_ms": round(seen_s * 1000, 1)}
