"""Whether the journal can be believed: the host's own word that it was tampered with, and doubts by the host's clock.

An agent tells of its own standing still by its own clock (`chaos.analysis.health`). What it cannot tell, or somebody
else could tell for it, the host saw: when its events came in, and whether one was of a time that had not come yet.
"""

from chaos.analysis.moments import clock, seconds
from chaos.analysis.record import Record
from chaos.verdict import Outcome

SILENT_S = 3.0
"""The agent writes ten usage samples a second; so long without any, while the host looked, it stood still."""
AHEAD_S = 1.0
"""Clocks of two machines drift apart by some parts in a million: less than that in an hour."""


def tampered(record: Record) -> tuple[Outcome, str] | None:
    """The end of a run whose journal somebody else wrote to: whatever else it says of its end is not believed."""
    ended = record.last("run.ended")
    if ended is None or ended.source != "host" or ended.data.get("tampered") is not True:
        return None
    return Outcome.CRASHED, str(ended.data.get("why") or "the journal was tampered with")


def doubts(record: Record) -> list[str]:
    """Why the agent's account is not to be trusted; none in journals that hold no records of it."""
    seen = [event for event in record.of("journal.followed") if event.source == "host"]
    found = [
        f"the agent wrote nothing for {seconds(silent_s)} before {clock(event.at)} by the host's clock: it stood still"
        for event in seen
        if (silent_s := _number(event.data.get("silent_s"))) > SILENT_S
    ]
    ahead_s = max((_number(event.data.get("ahead_s")) for event in seen), default=0.0)
    if ahead_s > AHEAD_S:
        found.append(f"the agent told of times that the host's clock had not reached, by {seconds(ahead_s)}")
    open_ = record.first("target.confined")
    if open_ is not None and open_.data.get("ids") == "none":
        found.append("app and agent were one identity, so that the app could have written this itself")
    return found


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
