"""Whether the app used up what a fault left to it, where that is seen look by look and a refusal leaves no trace."""

from collections.abc import Sequence

from chaos.faults.support.base import Met, Sample


def used_up(looks: Sequence[Sample], left: str, free: str, leave: int, what: str) -> Met:
    """Looks at which none was free any more.

    `left` is the key of what is free and what the app took of it, `free` the key of what is free. With none left from
    the beginning nothing tells of a refusal; nor does it between two looks, when the app took some and not all.
    """
    if leave == 0:
        return Met.unmeasured(f"no {what} was left from the beginning, and a refusal leaves no trace")
    gone = sum(float(look[free]) <= 0 for look in looks)
    if not gone and any(float(look[left]) > float(look[free]) for look in looks):
        return Met.unmeasured(
            f"the app took of the {leave} {what} left, at no look all of them; a refusal between two leaves no trace"
        )
    return Met.counted(
        gone,
        len(looks),
        f"looks at which the app had used up the {what} left",
        f"the app took none of the {leave} {what} left",
    )
